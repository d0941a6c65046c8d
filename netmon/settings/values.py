"""The values that configuration files hold, as pydantic reads them: strictly, in one place each."""

from __future__ import annotations

import re
from collections.abc import Callable, Sized
from ipaddress import ip_address
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, StringConstraints

from netmon.credential import Secret
from netmon.model import Engine, LinkKind, LinkRole, Room, SiteKind, Speech
from netmon.settings import quantities, urls
from netmon.settings.problem import UnfitError, meant
from netmon.settings.secrets import HOW, has_control

Many = TypeVar("Many", bound=Sized)

DAY_S = 86_400
LONGEST_WINDOW_DAYS = 366
LONGEST_ROUND_TRIP_S = 60
LONGEST_RESTORATION_S = 90 * DAY_S
LONGEST_LENGTH_KM = 10_000
GREATEST_MARGIN_DB = 40
"""More than any optic's range from the light that it stands to the light that it needs."""
LEAST_LIMIT_DBM = -50
LONGEST_KEEPALIVE_S = 65_535
SMALLEST_OUTBOX = 10**6
SHORTEST_KEY, LONGEST_NAME = 8, 32
"""Octets of a key (RFC 3414, section 11.2), and of a user (usmUserName) or a context (vacmContextName)."""
SHORTEST_TOKEN = 20
"""Characters of a token of the web API: so many cannot be guessed."""
OWN_AUTHORS = ("netmon", "file", "web")
"""Under these stands in the logs what netmon did, what a file of the configuration says, and what came over the web."""

AUTH_PROTOCOLS = ("MD5", "SHA", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512")
PRIV_PROTOCOLS = ("DES", "AES", "AES-128", "AES-192", "AES-256", "AES-192-C", "AES-256-C")
_ALSO_CALLED = {"SHA-1": "SHA", "AES-128": "AES"}


def _id(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", text, re.ASCII) is None:
        raise UnfitError(f"'{text}' is not an id: write letters without diacritics, digits, '.', '_' and '-'")
    return text


def _province(text: str) -> str:
    if re.fullmatch(r"\d\d", text, re.ASCII) is None:
        raise UnfitError(f"'{text}' is not the code of a province: write its two digits in quotes, such as \"04\"")
    return text


def _secret(value: object) -> Secret:
    if not isinstance(value, Secret):
        raise UnfitError("a secret must not stand here as it is", HOW)
    return value


def _given(value: object) -> object:
    """The same, unless a key stands there with nothing behind it: its author meant to fill it in."""
    if value is None:
        raise UnfitError("expected a value, found nothing", "fill it in, or take the key away")
    return value


def _word(text: str) -> str:
    if not text.strip():
        raise UnfitError("expected text, found nothing")
    if has_control(text):
        raise UnfitError("a control character cannot stand here")
    return text


def _topic_part(text: str) -> str:
    """What stands at the {topic} of a layout: one part of an MQTT topic."""
    if not text or has_control(text) or any(sign in text for sign in "/+#"):
        raise UnfitError(f"'{text}' cannot be one part of a topic: it has no '/', '+' and '#', and no control characters")
    return text


def usm_key(secret: Secret) -> Secret:
    """A key of SNMPv3's user-based security model. UnfitError, which does not repeat it: it is too short."""
    # An empty one was not fetched at all: whoever reads it wants the rest of the settings only.
    if 0 < len(secret.reveal().encode()) < SHORTEST_KEY:
        raise UnfitError(f"a key has at least {SHORTEST_KEY} characters, and this one is shorter (RFC 3414, section 11.2)")
    return secret


def web_token(secret: Secret) -> Secret:
    """What proves who posts to the web API. UnfitError, which does not repeat it: it can be guessed, or not be sent."""
    text = secret.reveal()
    if text and (len(text) < SHORTEST_TOKEN or not re.fullmatch(r"[!-~]*", text, re.ASCII)):
        hint = "openssl rand -hex 20 makes one"
        raise UnfitError(f"a token has at least {SHORTEST_TOKEN} characters of ASCII, and no spaces", hint)
    return secret


def _author(text: str) -> str:
    """The name of a token. UnfitError: what stands in a log under it would pass for netmon's own."""
    if text.casefold() in OWN_AUTHORS:
        taken = ", ".join(OWN_AUTHORS)
        raise UnfitError(
            f"'{text}' cannot name a token: under {taken} netmon records what it does itself", "name its bearer"
        )
    return text


def one_each(tokens: dict[str, Secret]) -> dict[str, Secret]:
    """The same, unless two names have one token: nobody could tell who it was."""
    known: dict[Secret, str] = {}
    for name, token in tokens.items():
        if token.reveal() and known.setdefault(token, name) != name:
            raise UnfitError(f"{known[token]} and {name} have the same token: nobody could tell who it was")
    return tokens


def usm_name(text: str) -> str:
    """A user or a context as SNMPv3 carries it: UTF-8, of a bounded length (RFC 3411, SnmpAdminString)."""
    octets = len(text.encode())
    if octets > LONGEST_NAME:
        raise UnfitError(f"must be at most {LONGEST_NAME} octets, and is {octets}")
    if has_control(text):
        raise UnfitError("a control character cannot stand here")
    return text


def auth_protocol(text: str) -> str:
    """A protocol of authentication by its usual name."""
    return _protocol(text, AUTH_PROTOCOLS)


def priv_protocol(text: str) -> str:
    """A protocol of privacy by its usual name."""
    return _protocol(text, PRIV_PROTOCOLS)


def _protocol(text: str, known: tuple[str, ...]) -> str:
    if text not in known:
        raise UnfitError(f"'{text}' is not one of {', '.join(known)}", meant(text, known))
    return _ALSO_CALLED.get(text, text)


def one_or_many(value: object) -> object:
    """What stands alone, as a list of one."""
    return value if isinstance(value, list) else [value]


def at_least_one(values: Many) -> Many:
    """The same, unless it is empty."""
    if not values:
        raise UnfitError("there must be at least one")
    return values


def _window_days(value: object) -> int | None:
    if value == "month":
        return None
    try:
        days = quantities.duration(value) / DAY_S
    except UnfitError:
        days = 0
    if days < 1 or days % 1 or days > LONGEST_WINDOW_DAYS:
        raise UnfitError(f"'{value}' is not a window: write it as month or 7d, at most {LONGEST_WINDOW_DAYS}d")
    return int(days)


def _drilled(seconds: float) -> float:
    if seconds % DAY_S:
        raise UnfitError("must be whole days")
    return seconds


def _passable(part: float) -> float:
    if part == 0:
        raise UnfitError("a limit of 0 % says nothing")
    return part


def _below_all(part: float) -> float:
    if part == 1:
        raise UnfitError("a limit of 100 % is never missed")
    return part


def _sensitivity(dbm: float) -> float:
    if not LEAST_LIMIT_DBM <= dbm <= 0:
        hint = f"did you mean {-dbm:g} dBm?" if 0 < dbm <= -LEAST_LIMIT_DBM else ""
        raise UnfitError(f"{dbm:g} dBm is no receiver's limit: it lies from {LEAST_LIMIT_DBM} dBm to 0 dBm", hint)
    return dbm


def _margin(decibels: float) -> float:
    if not 0 < decibels <= GREATEST_MARGIN_DB:
        raise UnfitError(f"must be more than 0 dB and at most {GREATEST_MARGIN_DB} dB")
    return decibels


def _felt(degrees: float) -> float:
    if not -50 <= degrees <= 100:
        raise UnfitError("must be from -50 to 100 °C")
    return degrees


def _cable(kilometres: float) -> float:
    if not 0 < kilometres <= LONGEST_LENGTH_KM:
        raise UnfitError(f"must be more than 0 km and at most {LONGEST_LENGTH_KM:,} km")
    return kilometres


def _numbered(place: tuple[str, int]) -> tuple[str, int]:
    try:
        return str(ip_address(place[0])), place[1]
    except ValueError:
        raise UnfitError(f"'{place[0]}' is not an address: write it as 0.0.0.0:162 or \"[::]:162\"") from None


def _between(low: int, high: int) -> Callable[[int], int]:
    def within(number: int) -> int:
        if not low <= number <= high:
            raise UnfitError(f"must be from {low:,} to {high:,}")
        return number

    return within


def _lasting(low: float, high: float = DAY_S) -> Callable[[float], float]:
    def within(seconds: float) -> float:
        if not low <= seconds <= high:
            shortest, longest = quantities.write_duration(low), quantities.write_duration(high)
            raise UnfitError(f"must be from {shortest} to {longest}")
        return seconds

    return within


def _interface(text: str) -> str:
    """Without the white space around it, which some devices send and nobody sees; NFC it is already."""
    if not text.strip():
        raise UnfitError("expected the name of an interface, found nothing")
    return text.strip()


def _whole(seconds: float) -> float:
    if seconds % 1:
        raise UnfitError("must be whole seconds: MQTT knows no parts of them")
    return seconds


def _enough(octets: int) -> int:
    if octets < SMALLEST_OUTBOX:
        raise UnfitError("must be at least 1 MB")
    return octets


SiteKindName = Annotated[SiteKind, Field(strict=False)]
RoomName = Annotated[Room, Field(strict=False)]
LinkKindName = Annotated[LinkKind, Field(strict=False)]
LinkRoleName = Annotated[LinkRole, Field(strict=False)]
SpeechName = Annotated[Speech, Field(strict=False)]
EngineName = Annotated[Engine, Field(strict=False)]
Text = Annotated[str, StringConstraints(min_length=1)]
Word = Annotated[str, AfterValidator(_word)]
Id = Annotated[str, AfterValidator(_id)]
TopicPart = Annotated[str, AfterValidator(_topic_part)]
Province = Annotated[str, AfterValidator(_province)]
Interval = Annotated[float, PlainValidator(quantities.duration), AfterValidator(_lasting(1))]
Patience = Annotated[float, PlainValidator(quantities.duration), AfterValidator(_lasting(0.05))]
Pace = Annotated[float, PlainValidator(quantities.duration), AfterValidator(_lasting(0.1, 3600))]
Keepalive = Annotated[
    float, PlainValidator(quantities.duration), AfterValidator(_lasting(1, LONGEST_KEEPALIVE_S)), AfterValidator(_whole)
]
Rate = Annotated[float, PlainValidator(quantities.rate)]
Ratio = Annotated[float, PlainValidator(quantities.ratio)]
PositiveRatio = Annotated[float, PlainValidator(quantities.ratio), AfterValidator(_passable)]
RatioBelowOne = Annotated[float, PlainValidator(quantities.ratio), AfterValidator(_below_all)]
RoundTrip = Annotated[float, PlainValidator(quantities.duration), AfterValidator(_lasting(0.001, LONGEST_ROUND_TRIP_S))]
RestorationTime = Annotated[float, PlainValidator(quantities.duration), AfterValidator(_lasting(60, LONGEST_RESTORATION_S))]
DrillTime = Annotated[
    float,
    PlainValidator(quantities.duration),
    AfterValidator(_lasting(DAY_S, LONGEST_WINDOW_DAYS * DAY_S)),
    AfterValidator(_drilled),
]
Decibels = Annotated[float, PlainValidator(quantities.decibels), AfterValidator(_margin)]
Degrees = Annotated[float, AfterValidator(_felt)]
MonthDay = Annotated[tuple[int, int], PlainValidator(quantities.month_day)]
Length = Annotated[float, PlainValidator(quantities.length), AfterValidator(_cable)]
ReceiverLimit = Annotated[float, PlainValidator(quantities.power), AfterValidator(_sensitivity)]
Day = Annotated[float, PlainValidator(quantities.day)]
Address = Annotated[str, PlainValidator(quantities.address)]
Endpoint = Annotated[tuple[str, int], PlainValidator(quantities.endpoint)]
AddressEndpoint = Annotated[tuple[str, int], PlainValidator(quantities.endpoint), AfterValidator(_numbered)]
BrokerUrl = Annotated[urls.Broker, PlainValidator(urls.broker)]
HttpUrl = Annotated[str, PlainValidator(urls.http)]
OutboxSize = Annotated[int, PlainValidator(quantities.size), AfterValidator(_enough)]
Hidden = Annotated[Secret, PlainValidator(_secret)]
UserKey = Annotated[Secret, PlainValidator(_secret), AfterValidator(usm_key)]
TokenName = Annotated[str, AfterValidator(_id), AfterValidator(_author)]
WebToken = Annotated[Secret, PlainValidator(_secret), AfterValidator(web_token)]
UserName = Annotated[str, AfterValidator(_word), AfterValidator(usm_name)]
ContextName = Annotated[str, AfterValidator(usm_name)]
AuthProtocol = Annotated[str, AfterValidator(auth_protocol)]
PrivProtocol = Annotated[str, AfterValidator(priv_protocol)]
Given = BeforeValidator(_given)
GivenText = Annotated[Text | None, BeforeValidator(_given)]
GivenWord = Annotated[Word | None, BeforeValidator(_given)]
GivenSecret = Annotated[Hidden | None, BeforeValidator(_given)]
WindowDays = Annotated[int | None, PlainValidator(_window_days)]
Interface = Annotated[str, AfterValidator(_interface)]
PortNumber = Annotated[int, AfterValidator(_between(1, 65_535))]
SecurityLevel = Annotated[int, AfterValidator(_between(1, 5))]
Routes = Annotated[int, AfterValidator(_between(1, 10))]
Hours = Annotated[int, AfterValidator(_between(1, 24))]
DaysAhead = Annotated[int, AfterValidator(_between(1, LONGEST_WINDOW_DAYS))]
Retries = Annotated[int, AfterValidator(_between(0, 10))]
Concurrency = Annotated[int, AfterValidator(_between(1, 10_000))]
RequestRate = Annotated[int, AfterValidator(_between(1, 100_000))]
Batch = Annotated[int, AfterValidator(_between(1, 100_000))]
TrapRate = Annotated[int, AfterValidator(_between(1, 1_000))]
TrapBurst = Annotated[int, AfterValidator(_between(1, 10_000))]
Intervals = Annotated[int, AfterValidator(_between(1, 1_000))]
SlotDays = Annotated[int, AfterValidator(_between(2, 36_500))]
JudgedSlotDays = Annotated[int, AfterValidator(_between(8, 36_500))]
DailyYears = Annotated[int, AfterValidator(_between(1, 100))]
