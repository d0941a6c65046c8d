"""What the page has of things that only stand in the inventory."""

from dataclasses import replace

from tests.running import World, province, without


def names(world):
    return {line.split('site="')[1].split('"')[0] for line in world.told() if line.startswith("netmon_site_info{")}


def test_a_site_that_no_link_serves_has_its_name_on_the_page_until_it_leaves_the_inventory(tmp_path):
    """Base stations mostly have no link of their own; without the name a table can only show ids."""
    things = province(2, stations=1)
    world = World(tmp_path / "netmon.db", things).run(60)
    assert names(world) == {"centre", "s0", "s1", "bts0"}
    renamed = replace(things, sites=things.sites | {"bts0": replace(things.sites["bts0"], name="Trạm Bảo Lâm")})
    world.reload(renamed)
    assert [line for line in world.told() if line.startswith("netmon_site_info{") and "Trạm Bảo Lâm" in line]
    assert names(world) == {"centre", "s0", "s1", "bts0"}
    world.reload(without(things, sites=("bts0",)))
    assert names(world) == {"centre", "s0", "s1"}
    world.close()
