"""Whether an installation is sound: its configuration, its secrets, the machine, the store and the service."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from netmon.doctor.facts import LATELY_S, Facts, Finding, Level, StoreFacts, ok
from netmon.doctor.service import service
from netmon.model import VIET_NAM, Speech, Words
from netmon.weak import Badness

FREE_AT_LEAST = 2 * 2**30
BACKUP_DAYS = 2
CERTIFICATE_DAYS = 30
CLOCK_ERROR_S = 1.0
RECEIVE_BYTES = 4 * 2**20
FILES_SHARE = 0.8
NEXT_YEAR_FROM = 11
"""The month from which the days off of next year should stand in calendar.yaml."""

_DAY_S = 86_400.0
_MOST_TOLD = 5


def installed(facts: Facts) -> Iterator[Finding]:
    """What can be said without asking what the daemon measures."""
    yield from _daemon(facts)
    yield from _configuration(facts)
    yield from _secrets(facts)
    yield from _inventory(facts)
    yield from _machine(facts)
    yield from _store(facts)
    yield from service(facts)
    yield from _certificates(facts)


def _daemon(facts: Facts) -> Iterator[Finding]:
    if facts.status is None:
        yield Finding(
            level=Level.WRONG,
            about="daemon",
            what=Words(
                f"netmon không chạy, hoặc không hỏi được: {facts.unasked or 'không rõ socket'}",
                f"no netmon runs here, or it cannot be asked: {facts.unasked or 'its socket is not known'}",
            ),
            why=Words(
                "không gì được đo; phần dưới chỉ kiểm tra phần còn lại", "nothing is measured; what follows is the rest"
            ),
            fix="systemctl status netmon; journalctl -u netmon -n 50; systemctl restart netmon",
        )
        return
    version, hours = facts.status.get("version"), facts.uptime_s / 3600
    if version != facts.version:
        yield Finding(
            level=Level.WARNING,
            about="daemon",
            what=Words(
                f"đang chạy bản {version}, đã cài bản {facts.version}", f"{version} runs, {facts.version} is installed"
            ),
            why=Words("bản mới chưa có hiệu lực", "what is new does not work yet"),
            fix="systemctl restart netmon",
        )
    else:
        yield ok("daemon", f"netmon {version} chạy được {hours:,.1f} giờ", f"netmon {version} has run for {hours:,.1f} h")


def _configuration(facts: Facts) -> Iterator[Finding]:
    if facts.settings is None:
        for problem in facts.problems[:_MOST_TOLD]:
            yield Finding(
                level=Level.WRONG,
                about="configuration",
                what=Words(problem, problem),
                why=Words("netmon sẽ không khởi động lại được với cấu hình này", "with this netmon would not start again"),
                fix=f"netmon check --config {facts.directory}",
            )
        return
    if facts.problems:
        yield Finding(
            level=Level.WARNING if facts.status is not None else Level.WRONG,
            about="configuration",
            what=Words(
                f"hợp lệ, nhưng có {len(facts.problems)} bí mật không đọc được từ đây: {facts.problems[0]}",
                f"valid, but for {len(facts.problems)} secrets that cannot be read from here: {facts.problems[0]}",
            ),
            why=Words("không rõ netmon có khởi động lại được không", "nobody knows whether netmon would start again"),
            fix=f"CREDENTIALS_DIRECTORY=/etc/credstore netmon doctor --config {facts.directory}  # as root",
        )
        return
    devices, warnings = len(facts.settings.inventory.devices), len(facts.settings.warnings)
    if warnings:
        yield Finding(
            level=Level.WARNING,
            about="configuration",
            what=Words(f"hợp lệ, {devices} thiết bị, {warnings} cảnh báo", f"valid, {devices} devices, {warnings} warnings"),
            why=Words("có chỗ có lẽ không đúng ý người viết", "something is probably not as it was meant"),
            fix=f"netmon check --config {facts.directory}",
        )
    else:
        yield ok("configuration", f"hợp lệ, {devices} thiết bị", f"valid, {devices} devices")


def _secrets(facts: Facts) -> Iterator[Finding]:
    for file in facts.exposed:
        yield Finding(
            level=Level.WRONG if file.by_anybody else Level.WARNING,
            about="secrets",
            what=Words(
                f"{file.path} có quyền {file.mode:o}: người khác trên máy {'đọc' if file.read else 'ghi'} được",
                f"{file.path} has mode {file.mode:o}: others on this machine can {'read' if file.read else 'write'} it",
            ),
            why=Words("ai vào được máy là hỏi được mọi thiết bị", "whoever gets in here can ask every device")
            if file.secret
            else Words(
                "ai ghi được là khiến netmon gửi bí mật đi nơi khác", "who writes it has netmon speak its secrets to others"
            ),
            fix=f"chmod {file.sound:o} {file.path}",
        )
    if not facts.exposed and facts.settings is not None:
        yield ok(
            "secrets",
            "chỉ người cần mới đọc được tệp bí mật và ghi được cấu hình",
            "only those who need to can read secrets and write settings",
        )
    weak = [weakness for weakness in facts.weak if weakness.badness >= Badness.WEAK]
    if weak:
        worst = sum(weakness.badness is Badness.OPEN for weakness in weak)
        devices = {device for weakness in weak for device in weakness.devices}
        yield Finding(
            level=Level.WRONG if worst else Level.WARNING,
            about="audit",
            what=Words(
                f"{len(weak)} cấu hình yếu ({worst} hở), {len(devices)} thiết bị",
                f"{len(weak)} weak settings ({worst} open), {len(devices)} devices",
            ),
            why=Words("dễ bị nghe lén, dò hoặc giả mạo", "they can be overheard, guessed or forged"),
            fix=f"netmon audit --config {facts.directory}",
        )
    elif facts.settings is not None and not facts.problems:
        yield ok("audit", "không có cấu hình yếu", "no weak settings")


def _inventory(facts: Facts) -> Iterator[Finding]:
    settings = facts.settings
    if settings is None:
        return
    inventory = settings.inventory
    if not inventory.canaries:
        yield Finding(
            level=Level.WRONG,
            about="canaries",
            what=Words("chưa khai báo canary", "no canaries are named"),
            why=Words(
                "netmon không phân biệt được mình mất mạng với cả tỉnh mất mạng",
                "netmon cannot tell its own lost network from a province that fell",
            ),
            fix=f"canaries: [gateway, core] in {facts.directory}/netmon.yaml; netmon reload",
        )
    without = [
        device.id
        for device in inventory.devices.values()
        if device.speaks is Speech.SNMP and not device.upstreams and device.id not in inventory.canaries
    ]
    if without:
        named = ", ".join(without[:_MOST_TOLD]) + (", …" if len(without) > _MOST_TOLD else "")
        yield Finding(
            level=Level.WARNING,
            about="upstreams",
            what=Words(
                f"{len(without)} thiết bị không có upstream: {named}", f"{len(without)} devices have no upstream: {named}"
            ),
            why=Words(
                "khi đường trên mất, mỗi thiết bị gọi trực riêng thay vì một sự cố",
                "when the way to them is lost each pages by itself, and not as one incident",
            ),
            fix=f"upstreams: [...] in {facts.directory}/inventory/; netmon reload",
        )
    else:
        yield ok("upstreams", "thiết bị nào cũng có upstream", "every device has an upstream")
    today = datetime.fromtimestamp(facts.now, UTC).astimezone(VIET_NAM)
    if today.month >= NEXT_YEAR_FROM and not any(day.year > today.year for day in settings.calendar.off):
        yield Finding(
            level=Level.WARNING,
            about="calendar",
            what=Words(
                f"calendar.yaml chưa có ngày nghỉ của năm {today.year + 1}",
                f"calendar.yaml has no days off of {today.year + 1} yet",
            ),
            why=Words(
                "lịch nghỉ theo quyết định của năm, kể cả Tết, có thể khác lịch tính sẵn: gọi sai người trực",
                "what is decided for the year, Tết included, may differ from what is computed: the wrong people are called",
            ),
            fix=f"off: in {facts.directory}/calendar.yaml; netmon calendar show --year {today.year + 1}",
        )


def _machine(facts: Facts) -> Iterator[Finding]:
    machine, settings = facts.machine, facts.settings
    if machine.clock_synchronised is False or machine.clock_error_s > CLOCK_ERROR_S:
        yield Finding(
            level=Level.WRONG if machine.clock_synchronised is False else Level.WARNING,
            about="clock",
            what=Words(
                "đồng hồ hệ thống không được đồng bộ"
                if machine.clock_synchronised is False
                else f"đồng hồ có thể lệch {machine.clock_error_s:.1f} s",
                "the system clock is not synchronised"
                if machine.clock_synchronised is False
                else f"the clock may be off by {machine.clock_error_s:.1f} s",
            ),
            why=Words("khe 5 phút, sự cố và trap v3 sai giờ", "slots, outages and SNMPv3 stand at the wrong time"),
            fix="timedatectl set-ntp true; timedatectl timesync-status",
        )
    elif machine.clock_synchronised is not None:
        yield ok("clock", "đồng hồ được đồng bộ", "the clock is synchronised")
    if settings is None:
        return
    pings = any(device.ping for device in settings.inventory.devices.values()) or any(
        link.check for link in settings.inventory.links.values()
    )
    if machine.ping_groups is not None and pings:
        low, high = machine.ping_groups
        if low > high:
            yield Finding(
                level=Level.WRONG,
                about="ping",
                what=Words("kernel không cho nhóm nào ping", "the kernel lets no group ping"),
                why=Words("tuyến có `check` sẽ mãi là unknown", "links with a `check` stay unknown"),
                fix="install -m 644 deploy/systemd/60-netmon.conf /etc/sysctl.d/ && sysctl --system",
            )
        else:
            yield ok("ping", "ping được không cần quyền root", "ping works without privileges")
    drops = facts.samples.total("netmon_snmp_receive_drops_total")
    small = machine.receive_bytes is not None and machine.receive_bytes < RECEIVE_BYTES
    if drops or small:
        yield Finding(
            level=Level.WARNING,
            about="receive buffer",
            what=Words(
                f"net.core.rmem_max là {machine.receive_bytes or 0:,} byte, {drops:,.0f} gói trả lời bị bỏ",
                f"net.core.rmem_max is {machine.receive_bytes or 0:,} bytes, {drops:,.0f} answers were dropped",
            ),
            why=Words("gói bị bỏ trông như thiết bị im lặng", "an answer that is dropped looks like a silent device"),
            fix="sysctl -w net.core.rmem_max=8388608; systemctl restart netmon",
        )
    elif machine.receive_bytes is not None:
        yield (
            ok("receive buffer", "đủ lớn, không gói nào bị bỏ", "large enough, nothing was dropped")
            if facts.measured
            else ok("receive buffer", "đủ lớn", "large enough")
        )
    if machine.files_open is not None and machine.files_most:
        if machine.files_open > FILES_SHARE * machine.files_most:
            yield Finding(
                level=Level.WRONG,
                about="files",
                what=Words(
                    f"{machine.files_open} trên {machine.files_most} mô tả tệp đã dùng",
                    f"{machine.files_open} of {machine.files_most} file descriptors are in use",
                ),
                why=Words("hết mô tả tệp thì không mở được kết nối", "without one left nothing can be opened"),
                fix="systemctl edit netmon  # LimitNOFILE=8192",
            )
        else:
            yield ok(
                "files",
                f"{machine.files_open}/{machine.files_most} mô tả tệp",
                f"{machine.files_open}/{machine.files_most} in use",
            )


def _store(facts: Facts) -> Iterator[Finding]:
    store, samples = facts.store, facts.samples
    if store is None:
        return
    if store.hidden:
        yield Finding(
            level=Level.WARNING,
            about="store",
            what=Words(f"người dùng này không xem được {store.path}", f"this user may not look at {store.path}"),
            why=Words("không rõ kho có nguyên vẹn không", "nobody knows from here whether it is whole"),
            fix=f"netmon doctor --config {facts.directory}  # as root",
        )
    elif store.problem:
        yield Finding(
            level=Level.WRONG,
            about="store",
            what=Words(store.problem, store.problem),
            why=Words("không đọc được những gì đã đo", "what was measured cannot be read"),
            fix="journalctl -u netmon -g store; netmon restore FILE --store-only --force (docs/spare.md)",
        )
    else:
        megabytes = (store.bytes or 0) / 1e6
        yield ok("store", f"đọc được, {megabytes:,.0f} MB", f"readable, {megabytes:,.0f} MB")
    yield from _damage(store, facts.now)
    oldest, backlog = samples.total("netmon_store_oldest_write_seconds"), samples.total("netmon_store_backlog")
    dropped = samples.total("netmon_store_dropped_writes_total")
    if oldest > 60 or backlog > 10_000:
        yield Finding(
            level=Level.WRONG,
            about="store writes",
            what=Words(
                f"{backlog:,.0f} lệnh ghi đang chờ, {dropped:,.0f} đã mất",
                f"{backlog:,.0f} writes wait, {dropped:,.0f} were lost",
            ),
            why=Words("đĩa không nhận dữ liệu", "the disk does not take them"),
            fix=f"df -h {store.path.parent}; journalctl -u netmon -g store",
        )
    elif dropped:
        yield Finding(
            level=Level.WARNING,
            about="store writes",
            what=Words(
                f"{dropped:,.0f} lệnh ghi đã mất từ khi netmon khởi động",
                f"{dropped:,.0f} writes were lost since netmon started",
            ),
            why=Words("khe hoặc bằng chứng của lúc đó thiếu", "slots or evidence of then are missing"),
            fix="journalctl -u netmon -g store (docs/runbooks/NetmonStoreLosing.md)",
        )
    if store.free is not None and store.free < FREE_AT_LEAST:
        yield Finding(
            level=Level.WRONG if store.free < FREE_AT_LEAST / 8 else Level.WARNING,
            about="disk",
            what=Words(f"chỉ còn trống {store.free / 1e6:,.0f} MB", f"only {store.free / 1e6:,.0f} MB are free"),
            why=Words("đĩa đầy thì không lưu được khe nào", "on a full disk no slot is kept"),
            fix=f"du -xh --max-depth=2 {store.path.parent} | sort -h | tail",
        )
    elif store.free is not None:
        yield ok("disk", f"còn trống {store.free / 1e9:,.1f} GB", f"{store.free / 1e9:,.1f} GB are free")
    backup = max(store.backup, samples.total("netmon_backup_timestamp_seconds"))
    if store.hidden and not facts.measured:
        return  # nobody tells when
    days = (facts.now - backup) / _DAY_S
    if not 0 <= days <= BACKUP_DAYS:
        never, ahead = not backup, days < 0
        yield Finding(
            level=Level.WARNING,
            about="backup",
            what=Words(
                "chưa có bản sao lưu nào"
                if never
                else "bản sao lưu gần nhất ghi giờ ở tương lai: đồng hồ đã sai"
                if ahead
                else f"bản sao lưu gần nhất cách đây {days:,.0f} ngày",
                "no backup was ever made"
                if never
                else "the last backup bears a time of the future: the clock was wrong"
                if ahead
                else f"the last backup is {days:,.0f} days old",
            ),
            why=Words("mất máy là mất bằng chứng", "who loses this server loses the evidence"),
            fix="systemctl enable --now netmon-backup.timer, or netmon backup -o DIR/ --keep 7",
        )
    else:
        yield ok("backup", f"{days * 24:,.0f} giờ trước", f"{days * 24:,.0f} h ago")


def _damage(store: StoreFacts, now: float) -> Iterator[Finding]:
    if store.suspected:
        yield Finding(
            level=Level.WRONG,
            about="store damage",
            what=Words(f"kho có vẻ hỏng: {store.suspected}", f"the store seems damaged: {store.suspected}"),
            why=Words("chưa dựng lại được, lệnh ghi có thể đang chờ", "it could not be rebuilt yet, and writes may wait"),
            fix=f"df -h {store.path.parent}; journalctl -u netmon -g store; systemctl restart netmon",
        )
    if not store.damaged:
        return
    at = f"{datetime.fromtimestamp(store.damaged, UTC).astimezone(VIET_NAM):%Y-%m-%d %H:%M}"
    lately = 0 <= now - store.damaged <= LATELY_S
    yield Finding(
        level=Level.WRONG if lately else Level.WARNING,
        about="store damage",
        what=Words(f"kho đã hỏng lúc {at} và được dựng lại", f"the store was damaged at {at} and rebuilt"),
        why=Words("dữ liệu cũ nằm trong tệp đã tách riêng", "what was in it lies in the file that was set aside"),
        # What a restore brings back is paid with all that was stored since.
        fix="netmon restore FILE --store-only --force (docs/spare.md)"
        if lately
        else f"ls -l {store.path}.damaged-*; smartctl -H DISK (docs/runbooks/NetmonStoreDamaged.md)",
    )


def _certificates(facts: Facts) -> Iterator[Finding]:
    for file, expires in facts.certificates:
        days = (expires - facts.now) / _DAY_S
        if days < CERTIFICATE_DAYS:
            gone = days < 0
            yield Finding(
                level=Level.WRONG if gone else Level.WARNING,
                about="certificate",
                what=Words(
                    f"{file} {'đã hết hạn' if gone else f'hết hạn sau {days:.0f} ngày'}",
                    f"{file} {'has expired' if gone else f'expires in {days:.0f} days'}",
                ),
                why=Words("hết hạn thì không kết nối được nữa", "with an expired one nothing connects"),
                fix=f"openssl x509 -in {file} -noout -subject -enddate; renew it, then netmon reload",
            )
        else:
            yield ok("certificate", f"{file} còn {days:.0f} ngày", f"{file} is good for {days:.0f} days")
