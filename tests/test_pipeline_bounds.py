"""A device that tells of more than there is room for does not lose the links that it carries."""

from dataclasses import replace

from netmon.census import Census
from netmon.model import Reading, Series
from tests.test_pipeline import Bench, Router, inventory


class Big(Router):
    """Tells of hundreds of interfaces before those that links hang on."""

    async def poll(self, *, light=False):
        poll = await super().poll(light=light)
        labels, at = poll.readings[0].series.labels[:4], poll.readings[0].at
        more = (Series("netmon_interface_up", (*labels, ("interface", f"x{number}"))) for number in range(400))
        return replace(poll, readings=(*(Reading(series, 1, at) for series in more), *poll.readings))


def test_a_link_is_judged_though_its_device_tells_of_more_than_there_is_room_for(tmp_path):
    bench = Bench(tmp_path / "netmon.db", inventory(), Big)
    bench.pipeline._outlets.census = Census(bench.own, per_device=300)
    for _ in range(4):
        bench.poll()
        bench.now += 60
    bench.store.flush()
    assert {span.state for span in bench.reader.last_spans("link").values()} == {"up"}
