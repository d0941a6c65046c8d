"""What is weak in a configuration, for whom, and what to do about it. Pure; no secret is ever part of an answer."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import ip_address
from itertools import pairwise

from netmon.credential import Credential, Secret
from netmon.model import Device, Speech, Words
from netmon.secret_files import Exposed
from netmon.settings import Settings
from netmon.settings.secrets import PLACEHOLDER

SHORTEST = 12
"""Fewer characters are found by trying: a key of SNMPv3 is tried offline, from one recorded packet."""
SHORTEST_TOKEN = 20
DISTINCT, FEW, IN_ORDER = 5, 8, 0.7
"""Of a secret at least so many characters differ; beside words that are tried first more than so many digits and signs stand
in it; and no larger share of it stands in the order of the alphabet or the keyboard."""
MANY_DEVICES = 500
"""Whose agents all open with one secret: whoever has one of them has all."""

_GUESSED = {
    *(
        "public",
        "private",
        "community",
        "snmp",
        "snmpd",
        "netmon",
        "monitor",
        "monitoring",
        "manager",
        "admin",
        "administrator",
    ),
    *(
        "read",
        "write",
        "rw",
        "ro",
        "readonly",
        "readwrite",
        "default",
        "test",
        "guest",
        "user",
        "password",
        "secret",
        "system",
    ),
    *(
        "cisco",
        "huawei",
        "zte",
        "juniper",
        "mikrotik",
        "viettel",
        "vnpt",
        "mobifone",
        "tslcd",
        "caobang",
        "vietnam",
        "123456",
    ),
}
"""What is tried first; digits and signs at the end do not help."""

_TRIED = re.compile("|".join(sorted(_GUESSED, key=lambda word: -len(word))))
_SIGNS = str.maketrans("@4031!$5", "aaoeiiss")
_ROWS = "1234567890 abcdefghijklmnopqrstuvwxyz qwertyuiop asdfghjkl zxcvbnm"

_WRITES = {"private", "write", "rw", "readwrite"}


class Badness(IntEnum):
    """How bad: 3 is open to whoever comes by, 2 to who sits on the way or tries, 1 is a habit to be given up."""

    HABIT = 1
    WEAK = 2
    OPEN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Weakness:
    """A weak setting. `about` is its place ("credentials.snmp", "mqtt", a file), `devices` are those that it concerns."""

    code: str
    badness: Badness
    about: str
    text: Words
    fix: Words
    devices: tuple[str, ...] = ()


def weaknesses(settings: Settings, files: Sequence[Exposed] = ()) -> list[Weakness]:
    """All of a configuration that was read with its secrets, the worst first and then what concerns most devices."""
    found = [
        *_credentials(settings),
        *_mqtt(settings),
        *_influx(settings),
        *_web(settings),
        *_shared(settings),
        *(_file(each) for each in files),
    ]
    return sorted(found, key=lambda weakness: (-weakness.badness, -len(weakness.devices), weakness.about, weakness.code))


def is_here(host: str) -> bool:
    """Whether a host is this machine, so that nothing of it goes over a wire."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# --- SNMP -------------------------------------------------------------------------------------------------------------


def _credentials(settings: Settings) -> Iterator[Weakness]:
    asked: dict[str, list[Device]] = defaultdict(list)
    for device in settings.inventory.devices.values():
        if device.speaks is Speech.SNMP:
            asked[device.credential].append(device)
    heard = set(settings.traps.credentials) if settings.traps is not None else set()
    for name, credential in settings.credentials.items():
        devices = asked.get(name, [])
        about = f"credentials.{name}"
        if not devices and name not in heard:
            yield Weakness(
                code="unused",
                badness=Badness.HABIT,
                about=about,
                text=Words("không thiết bị nào dùng", "no device uses it"),
                fix=Words(f"xóa {about} khỏi netmon.yaml", f"delete {about} from netmon.yaml"),
            )
            continue
        elsewhere = tuple(device.id for device in devices if not all(map(is_here, device.addresses)))
        yield from _version(about, credential, elsewhere, heard=name in heard)
        yield from _guessable(about, credential, devices)
        if len(devices) > MANY_DEVICES:
            yield Weakness(
                code="one_for_all",
                badness=Badness.HABIT,
                about=about,
                text=Words(
                    f"một bí mật dùng chung cho {len(devices)} thiết bị: lộ một là lộ tất cả",
                    f"one secret opens {len(devices)} devices: who has one of them has all",
                ),
                fix=Words("chia thành nhiều user theo vùng hoặc theo hãng", "give each area or each make a user of its own"),
                devices=tuple(device.id for device in devices),
            )
    if settings.traps is not None:
        yield from _traps(settings, heard, asked)


def _version(about: str, credential: Credential, devices: tuple[str, ...], *, heard: bool) -> Iterator[Weakness]:
    """What goes over the wire in the clear, or proves little. Where nothing goes over one, nothing is weak."""
    if not devices and not heard:
        return
    v3 = Words(
        'tạo user SNMPv3 authPriv (SHA-256, AES) trên thiết bị, rồi trong netmon.yaml: version: "3", auth, priv',
        'make an SNMPv3 authPriv user (SHA-256, AES) on the devices, then in netmon.yaml: version: "3", auth, priv',
    )
    if credential.version != "3":
        text = Words(
            f"SNMPv{credential.version}: community và số liệu đi trên mạng không mã hóa",
            f"SNMPv{credential.version}: community and figures cross the network in the clear",
        )
        yield Weakness(code="clear", badness=Badness.WEAK, about=about, text=text, fix=v3, devices=devices)
    elif not credential.auth_protocol:
        text = Words("noAuthNoPriv: ai biết tên user cũng hỏi được", "noAuthNoPriv: whoever knows the user's name may ask")
        yield Weakness(code="no_auth", badness=Badness.OPEN, about=about, text=text, fix=v3, devices=devices)
    else:
        if credential.auth_protocol == "MD5":
            text = Words("xác thực bằng MD5, đã yếu", "authenticates with MD5, which is weak")
            fix = Words(
                "đổi sang SHA-256 (SHA nếu thiết bị cũ): auth: {protocol: SHA-256, …}",
                "SHA-256, or SHA where a device is old: auth: {protocol: SHA-256, …}",
            )
            yield Weakness(code="md5", badness=Badness.WEAK, about=about, text=text, fix=fix, devices=devices)
        if credential.priv_protocol == "DES":
            text = Words("mã hóa DES, bẻ được trong một ngày", "encrypts with DES, which is broken within a day")
            fix = Words("đổi sang AES: priv: {protocol: AES, …}", "AES: priv: {protocol: AES, …}")
            yield Weakness(code="des", badness=Badness.WEAK, about=about, text=text, fix=fix, devices=devices)
        if not credential.priv_protocol:
            text = Words(
                "authNoPriv: số liệu đi trên mạng không mã hóa", "authNoPriv: figures cross the network in the clear"
            )
            fix = Words("thêm priv: {protocol: AES, key: …}", "add priv: {protocol: AES, key: …}")
            yield Weakness(code="no_priv", badness=Badness.WEAK, about=about, text=text, fix=fix, devices=devices)


def _guessable(about: str, credential: Credential, devices: Sequence[Device]) -> Iterator[Weakness]:
    ids = tuple(device.id for device in devices)
    for field, secret in (
        ("community", credential.community),
        ("auth.key", credential.auth_key),
        ("priv.key", credential.priv_key),
    ):
        text = secret.reveal() if secret is not None else ""
        if not text:
            continue
        place = f"{about}.{field}"
        fix = Words(
            f"đặt giá trị mới trên thiết bị và ở {place}: openssl rand -hex 16",
            f"set a new one on the devices and at {place}: openssl rand -hex 16",
        )
        said = _why_guessed(text, (credential.user, credential.name), devices)
        if said is not None:
            yield Weakness(code="guessable", badness=Badness.OPEN, about=place, text=said, fix=fix, devices=ids)
        elif len(text) < SHORTEST:
            said = Words(
                f"ngắn hơn {SHORTEST} ký tự: dò được", f"shorter than {SHORTEST} characters: it can be found by trying"
            )
            yield Weakness(code="short", badness=Badness.WEAK, about=place, text=said, fix=fix, devices=ids)
        if field == "community" and _word(text) in _WRITES:
            yield Weakness(
                code="write_community",
                badness=Badness.OPEN,
                about=place,
                text=Words("giống community quyền ghi", "looks like a community that may write"),
                fix=Words(
                    "netmon chỉ đọc: tạo community chỉ đọc và tắt quyền ghi trên thiết bị",
                    "netmon only reads: make one that may only read, and take the other off the devices",
                ),
                devices=ids,
            )
    if credential.auth_key is not None and credential.auth_key.reveal() and credential.auth_key == credential.priv_key:
        yield Weakness(
            code="one_key",
            badness=Badness.HABIT,
            about=about,
            text=Words("auth và priv dùng chung một khóa", "auth and priv have one key"),
            fix=Words("đặt hai khóa khác nhau", "give each a key of its own"),
            devices=ids,
        )


def _why_guessed(text: str, names: Iterable[str], devices: Iterable[Device] = ()) -> Words | None:
    """Why a secret is found without trying much, None where it is not. `names` are those that it goes with."""
    if text == PLACEHOLDER:
        return Words("vẫn là chữ mẫu của `netmon init`", "still the placeholder that `netmon init` wrote")
    if _word(text) in _GUESSED or _is_of_words(text):
        return Words("là giá trị mà ai cũng thử đầu tiên", "is what everybody tries first")
    folded = text.casefold()
    once = _repeated(folded)
    if {folded, once} & {name.casefold() for name in names}:
        return Words("trùng tên user hoặc tên đi kèm", "is the user's name, or another that goes with it")
    if any(folded in (device.id.casefold(), device.site.casefold()) for device in devices):
        return Words("trùng tên thiết bị hoặc trạm", "is the name of a device or a site")
    if len(set(folded)) < DISTINCT or len(once) < SHORTEST <= len(folded):
        return Words("lặp lại vài ký tự", "repeats a few characters")
    if _share_in_order(folded) > IN_ORDER:
        return Words("là dãy ký tự liên tiếp", "is a row of characters in their order")
    return None


def _word(text: str) -> str:
    return text.casefold().rstrip("0123456789!@#$%^&*._-") or text


def _is_of_words(text: str) -> bool:
    """Whether nothing stands in it but what is tried first, signs for letters or not, and a few digits and signs."""
    folded = text.casefold()
    for spelt in (folded, _word(folded).translate(_SIGNS)):
        rest, words = _TRIED.subn("", spelt)
        if words and len(rest) <= FEW and not any(map(str.isalpha, rest)):
            return True
    return False


def _repeated(text: str) -> str:
    """What a text repeats, the last time perhaps in part; itself where it repeats nothing."""
    return next((text[:n] for n in range(1, len(text) // 2 + 1) if text.startswith(text[n:])), text)


def _share_in_order(text: str) -> float:
    """How many neighbours of a text are the same, or stand in the order of the alphabet, of digits or of the keyboard."""
    pairs = [a + b for a, b in pairwise(text)]
    return sum(pair in _ROWS or pair[::-1] in _ROWS or pair[0] == pair[1] for pair in pairs) / max(1, len(pairs))


def _traps(settings: Settings, heard: set[str], asked: Mapping[str, Sequence[Device]]) -> Iterator[Weakness]:
    clear = [name for name, credential in settings.credentials.items() if credential.version != "3"]
    devices = tuple(device.id for name in clear for device in asked.get(name, ()))
    if devices or heard & set(clear):
        yield Weakness(
            code="clear_traps",
            badness=Badness.WEAK,
            about="traps",
            text=Words(
                "nhận trap SNMPv1/v2c: ai giả địa chỉ nguồn cũng gửi được",
                "takes traps of SNMPv1 and v2c: whoever forges a source address can send them",
            ),
            fix=Words(
                "gửi inform SNMPv3 authPriv; trap chỉ là gợi ý, kết luận do phép hỏi quyết định",
                "send informs of SNMPv3 authPriv; a trap is only a hint, and a poll decides",
            ),
            devices=devices,
        )


# --- servers ----------------------------------------------------------------------------------------------------------


def _mqtt(settings: Settings) -> Iterator[Weakness]:
    mqtt = settings.mqtt
    if mqtt is None:
        return
    devices = tuple(device.id for device in settings.inventory.devices.values() if device.speaks is Speech.MQTT)
    if not mqtt.tls and not is_here(mqtt.host):
        yield Weakness(
            code="mqtt_clear",
            badness=Badness.OPEN if mqtt.password is not None else Badness.WEAK,
            about="mqtt.broker",
            text=Words("MQTT không mã hóa tới máy khác", "MQTT to another machine in the clear"),
            fix=Words("mqtts://… và ca: (docs/mqtt.md)", "mqtts://… and ca: (docs/mqtt.md)"),
            devices=devices,
        )
    if not mqtt.user and mqtt.certificate is None:
        yield Weakness(
            code="mqtt_anonymous",
            badness=Badness.WEAK,
            about="mqtt.user",
            text=Words(
                "vào máy chủ MQTT không cần tên: thiết bị nào cũng có thể giả thiết bị khác",
                "the broker lets anybody in: any device can speak as another",
            ),
            fix=Words(
                "deploy/mosquitto: user, mật khẩu và ACL cho từng thiết bị",
                "deploy/mosquitto: a user, a password and an ACL for each device",
            ),
            devices=devices,
        )
    yield from _tried("mqtt.password", mqtt.password, SHORTEST, mqtt.user)


def _influx(settings: Settings) -> Iterator[Weakness]:
    influx = settings.influx
    if influx is None:
        return
    host = influx.url.split("://", 1)[-1].split("/", 1)[0]
    host = host[1:].split("]", 1)[0] if host.startswith("[") else host.split(":", 1)[0]
    if influx.url.startswith("http://") and not is_here(host):
        secret = influx.token is not None or influx.password is not None
        yield Weakness(
            code="influx_clear",
            badness=Badness.OPEN if secret else Badness.WEAK,
            about="exporters.influxdb.url",
            text=Words(
                "InfluxDB qua http: token đi trên mạng không mã hóa", "InfluxDB over http: its token goes in the clear"
            ),
            fix=Words("url: https://… và ca:", "url: https://… and ca:"),
        )
    names = (influx.org, influx.bucket, influx.database, influx.user)
    yield from _tried("exporters.influxdb.token", influx.token, SHORTEST_TOKEN, *names)
    yield from _tried("exporters.influxdb.password", influx.password, SHORTEST, *names)


def _web(settings: Settings) -> Iterator[Weakness]:
    web, here = settings.web, is_here(settings.prometheus.host)
    if not here and web.tls is None:
        yield Weakness(
            code="web_clear",
            badness=Badness.OPEN if web.tokens else Badness.WEAK,
            about="exporters.prometheus.listen",
            text=Words(
                "cổng web mở cho máy khác mà không có TLS: token đọc được trên đường truyền",
                "the listener is open to other machines without TLS: tokens can be read on the way",
            ),
            fix=Words(
                "web: tls: {certificate, key}, hoặc listen: 127.0.0.1:9797",
                "web: tls: {certificate, key}, or listen: 127.0.0.1:9797",
            ),
        )
    if not here and web.read_open:
        yield Weakness(
            code="web_open",
            badness=Badness.WEAK,
            about="web.read",
            text=Words("ai tới được cổng web cũng đọc được mọi số liệu", "whoever reaches the listener reads everything"),
            fix=Words("web: read: token", "web: read: token"),
        )
    for name, secret in settings.web.tokens.items():
        yield from _tried(f"web.tokens.{name}", secret, SHORTEST_TOKEN, name)


def _tried(about: str, secret: Secret | None, shortest: int, *names: str) -> Iterator[Weakness]:
    """Whether a server's password or token is found by trying."""
    text = secret.reveal() if secret is not None else ""
    if not text:
        return
    fix = Words("đặt giá trị mới: openssl rand -hex 20", "set a new one: openssl rand -hex 20")
    said = _why_guessed(text, names)
    if said is not None:
        yield Weakness(code="guessable", badness=Badness.OPEN, about=about, text=said, fix=fix)
    elif len(text) < shortest:
        said = Words(f"ngắn hơn {shortest} ký tự", f"shorter than {shortest} characters")
        yield Weakness(code="short", badness=Badness.WEAK, about=about, text=said, fix=fix)


def _shared(settings: Settings) -> Iterator[Weakness]:
    """One secret in several places: who is told it for one has the others."""
    places: dict[Secret, list[str]] = defaultdict(list)
    for name, credential in settings.credentials.items():
        for secret in (credential.community, credential.auth_key, credential.priv_key):
            if secret is not None and f"credentials.{name}" not in places[secret]:
                places[secret].append(f"credentials.{name}")
    for place, secret in (
        *((f"web.tokens.{name}", secret) for name, secret in settings.web.tokens.items()),
        *((("mqtt.password", settings.mqtt.password),) if settings.mqtt is not None else ()),
        *((("exporters.influxdb.token", settings.influx.token),) if settings.influx is not None else ()),
        *((("exporters.influxdb.password", settings.influx.password),) if settings.influx is not None else ()),
    ):
        if secret is not None:
            places[secret].append(place)
    for secret, named in places.items():
        if secret.reveal() and len(named) > 1:
            yield Weakness(
                code="shared",
                badness=Badness.WEAK,
                about=", ".join(named),
                text=Words("cùng một bí mật ở nhiều nơi", "one secret in several places"),
                fix=Words("đặt mỗi nơi một giá trị: openssl rand -hex 20", "give each its own: openssl rand -hex 20"),
            )


def _file(file: Exposed) -> Weakness:
    if file.read:
        text = Words("mọi người dùng trên máy đọc được", "every user of this machine can read it")
    elif file.by_anybody:
        text = Words("người khác ghi đè được", "others can write it")
    else:
        text = Words("nhóm của nó ghi đè được", "its group can write it")
    fix = f"chmod {file.sound:o} {file.path}"
    badness = Badness.OPEN if file.by_anybody else Badness.WEAK
    return Weakness(code="file_mode", badness=badness, about=str(file.path), text=text, fix=Words(fix, fix))
