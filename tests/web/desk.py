"""An incident book in memory, behind the commands that the control socket has, for the listener to call."""

from dataclasses import replace

from netmon import book
from netmon.model import CauseClass, Clue, Entry, Impact, Incident, Subject, Verb

T0 = 1_800_000_000.0
HOTLINES = {"viettel": "18008098"}


def incident(name="2027-0001", **over):
    """A cut cable with two communes behind it."""
    members = (Subject("link", "f1"), Subject("device", "r2"))
    fields = {
        "id": name,
        "province": "04",
        "root": Subject("cable", "QL3"),
        "cause": CauseClass.FIBRE,
        "clues": (Clue("no_light", Subject("link", "f1"), T0),),
        "since": T0,
        "until": None,
        "members": members,
        "ever": members,
        "impact": Impact(isolated=("01301",), on_backup=("01302",)),
    }
    return Incident(**fields | over)


class Desk:
    """The book, its handlers, and who called them with what."""

    def __init__(self, inventory, *incidents, now=T0 + 600):
        self.inventory, self.now = inventory, now
        self.kept = {each.id: each for each in incidents}
        self.lines = [Entry(each.since, each.id, Verb.OPENED, "netmon", "", "mất 2 / 2 down") for each in incidents]
        self.calls = []
        self.handlers = {"incidents": self.list, "incident": self.one, "storm": self.declare, "maintenance": self.declare}

    def incidents(self, *, going_on=False, since=0.0, most=1000):
        return [each for each in self.kept.values() if each.until is None or not going_on]

    def incident(self, name):
        return self.kept.get(name)

    def entries(self, incident=None, since=0.0, most=1000):
        return [line for line in self.lines if incident in (None, line.incident)]

    async def list(self, author, request):
        return book.list_from_store(self, self.inventory, self.now, HOTLINES, everything=request["all"])

    async def declare(self, author, request):
        self.calls.append((author, request))
        if request.get("level") == 2:
            raise book.WordingError("a storm's level is 3, 4 or 5")
        return {"declared": request["command"]}

    async def one(self, author, request):
        self.calls.append((author, request))
        action = request["action"]
        if action == "open":
            root, province, cause, text = book.to_open(request, self.inventory)
            name, verb = "2027-0099", Verb.OPEN
            found = incident(name, root=root, province=province, cause=cause, members=(), ever=(), impact=Impact())
        else:
            name = request["id"]
            shown = book.from_store(self, name, self.inventory, self.now, HOTLINES)
            if action == "show":
                return shown
            verb, text = book.accept(self.kept[name], action, request["text"])
            change = {
                Verb.ACKNOWLEDGE: {"acknowledged": author},
                Verb.ASSIGN: {"assigned": text},
                Verb.CLOSE: {"closed": self.now, "until": self.now},
                Verb.REOPEN: {"closed": None},
            }.get(verb, {"corrected": CauseClass(text.partition(":")[0])} if verb is Verb.CAUSE else {})
            found = replace(self.kept[name], **change)
        self.kept[name] = found
        self.lines.append(Entry(self.now, name, verb, author, "", text))
        return {"incident": book.incident_json(found, self.inventory, self.now, HOTLINES)}
