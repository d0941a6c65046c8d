"""Facts for the listener to tell, made from a network that a test changes at will."""

from datetime import date

from netmon import commune_facts, device_facts, history_facts, search
from netmon.wallboard import wallboard
from tests.test_network import World, province
from tests.web.pasts import Past, answered, readings
from tests.web.test_wallboard import TARGETS, VERDICTS, register

DAY = date(2027, 1, 15)


class Facts:
    """What a netmon would tell: of a calm province, until a test shows another. `over` replaces arguments."""

    def __init__(self):
        self.incidents = []
        self.show(World(province()).run(60))

    def show(self, world, **over):
        self.world, self.over = world, over
        self.past = Past(world.now)

    def metrics(self):
        return b"netmon_bugs_total 0\n"

    def ready(self):
        return True

    def state(self):
        return {"devices": []}

    def verdicts(self):
        return {"verdicts": []}

    def site(self, name):
        return {"site": name, "name": "Trạm"} if name == "cb-bts-01273" else None

    def verdict(self, target, subject):
        if (target, subject) != ("availability", "01273"):
            return None
        return lambda language: {"id": f"{target}/{subject}", "words": {"vi": ["ĐẠT"], "en": ["MET"]}[language]}

    def fibre(self):
        return {"links": []}

    def commune(self, code):
        told = self._told()
        unit, now, network = told["register"].unit(code, DAY), told["now"], told["network"]
        facts = commune_facts.commune(
            code,
            unit=unit if unit is not None and unit.parent in told["provinces"] else None,
            missing={},
            **{name: told[name] for name in ("network", "verdicts", "targets", "scope", "on_battery", "ends", "now")},
        )
        if facts is None:
            return None
        facts["incidents"] = self.incidents
        subjects = commune_facts.subjects(code, network.inventory)
        return lambda: history_facts.of_commune(self.past, facts, subjects, facts["site"], now)

    def device(self, name):
        told = self._told()
        network, now = told["network"], told["now"]
        device = network.inventory.devices.get(name)
        if device is None:
            return None
        facts = device_facts.device(
            device,
            network=network,
            unit=told["register"].unit(network.inventory.site_of(name).commune, DAY),
            last=answered(name, now - 12),
            readings=readings(network.inventory, name, now),
            holds_s=90.0,
            missing={},
            now=now,
        )
        return lambda: history_facts.of_device(self.past, facts, now)

    def search(self, text):
        told = self._told()
        units = {code: told["register"].communes(code, DAY) for code in told["provinces"]}
        states = {row["code"]: row["state"] for part in wallboard(**told)["provinces"] for row in part["communes"]}
        total, hits = search.find(text, search.index(told["network"].inventory, units))
        return lambda: search.told(text, total, hits, told["network"], states)

    def wallboard(self):
        return wallboard(**self._told())

    def _told(self):
        told = {
            "network": self.world.network,
            "verdicts": VERDICTS,
            "targets": TARGETS,
            "register": register(),
            "provinces": ("04",),
            "scope": {},
            "on_battery": {},
            "ready": True,
            "now": self.world.now,
            "version": "0",
            "connections": {},
            "ends": {},
        }
        return told | self.over
