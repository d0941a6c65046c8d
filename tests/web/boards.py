"""Facts for the listener to tell, made from a network that a test changes at will."""

from netmon.wallboard import wallboard
from tests.test_network import World, province
from tests.web.test_wallboard import TARGETS, VERDICTS, register


class Facts:
    """What a netmon would tell: of a calm province, until a test shows another. `over` replaces arguments."""

    def __init__(self):
        self.show(World(province()).run(60))

    def show(self, world, **over):
        self.world, self.over = world, over

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

    def wallboard(self):
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
        }
        return wallboard(**told | self.over)
