"""Whether the service is as it was delivered, and is handed what its configuration wants."""

from __future__ import annotations

from collections.abc import Iterator

from netmon.doctor.facts import Facts, Finding, Level, ok
from netmon.model import Words

_NO_START = Words("lần sau netmon không khởi động được (mã thoát 78)", "netmon will not start again (status 78)")
_MOST_TOLD = 5


def service(facts: Facts) -> Iterator[Finding]:
    """The unit, its credentials, and what its user can read."""
    yield from _unit(facts)
    for name in facts.unloaded:
        yield Finding(
            level=Level.WRONG,
            about="credentials",
            what=Words(f"netmon.service không nạp !credential {name}", f"netmon.service does not load !credential {name}"),
            why=_NO_START,
            fix=f"systemctl edit netmon  # [Service] LoadCredential={name}",
        )
    if facts.unreadable:
        more = f", +{len(facts.unreadable) - _MOST_TOLD}" if len(facts.unreadable) > _MOST_TOLD else ""
        names, user = ", ".join(map(str, facts.unreadable[:_MOST_TOLD])) + more, facts.unit.get("User", "")
        yield Finding(
            level=Level.WRONG,
            about="permissions",
            what=Words(f"người dùng {user} không đọc được {names}", f"the user {user} cannot read {names}"),
            why=_NO_START,
            fix=f"chgrp -R {user} {facts.directory} && chmod -R g+rX {facts.directory}",
        )


def _unit(facts: Facts) -> Iterator[Finding]:
    unit = facts.unit
    if not unit:
        return
    wrong = []
    if unit.get("ActiveState") != "active":
        wrong.append((f"{unit.get('ActiveState')}/{unit.get('SubState')}", "systemctl restart netmon"))
    if unit.get("NeedDaemonReload") == "yes":
        wrong.append(("changed on disk", "systemctl daemon-reload && systemctl restart netmon"))
    if unit.get("WatchdogUSec") in ("0", "infinity"):
        wrong.append(("no watchdog", "systemctl edit netmon  # WatchdogSec=30"))
    if unit.get("NoNewPrivileges") != "yes" or unit.get("ProtectSystem") != "strict":
        wrong.append(("less shut in than delivered", "systemctl cat netmon; systemd-analyze security netmon"))
    if unit.get("UnitFileState") == "disabled":
        wrong.append(("does not start with the machine", "systemctl enable netmon"))
    if "refused" in unit.get("StatusText", ""):
        wrong.append((f"{unit['StatusText']}", f"netmon check --config {facts.directory}; journalctl -u netmon -n 50"))
    for what, fix in wrong:
        yield Finding(
            level=Level.WRONG if "active" in what or "/" in what or "refused" in what else Level.WARNING,
            about="unit",
            what=Words(f"netmon.service: {what}", f"netmon.service: {what}"),
            why=Words("dịch vụ không như khi được giao", "the service is not as it was delivered"),
            fix=fix,
        )
    if not wrong:
        restarts = unit.get("NRestarts", "0")
        yield ok(
            "unit", f"netmon.service chạy, {restarts} lần tự khởi động lại", f"netmon.service runs, {restarts} restarts"
        )
