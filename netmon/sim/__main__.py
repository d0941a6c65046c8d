"""`python -m netmon.sim`: the simulated province on its loopback addresses, or the past that it would have had.

Troubles are told on stderr in words. One line of JSON on stdout says that every agent answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import signal
import sys
import time
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from netmon.settings import ConfigErrors, Settings, load
from netmon.sim.agents import Agent, listen
from netmon.sim.province import province
from netmon.sim.seed import SeedError, fill
from netmon.sim.troubles import Trouble, in_words, script

DEFAULT_SEED = 2026


class SimulationError(Exception):
    """The configuration cannot be simulated; the text says why, for people."""


def agents(settings: Settings, *, seed: int, started: float, troubles: Sequence[Trouble], speed: float) -> list[Agent]:
    """An agent for every device of a configuration, its troubles chosen by `seed` and timed from `started`."""
    chosen = script(settings.inventory, seed=seed, started=started, troubles=troubles, speed=speed)
    made = province(settings.inventory, chosen, seed=seed, started=started)
    for sentence in in_words(chosen, settings.inventory):
        _say(sentence)
    return [Agent(machine, _community(settings, machine.id)) for machine in made.machines.values()]


def _community(settings: Settings, device: str) -> bytes:
    credential = settings.credentials[settings.inventory.devices[device].credential]
    if credential.community is None:
        raise SimulationError(f"{device} speaks SNMPv{credential.version}; the simulator knows v1 and v2c only")
    return credential.community.reveal().encode()


def _endpoint(settings: Settings, device: str, port: int | None) -> tuple[str, int]:
    entry = settings.inventory.devices[device]
    if not ip_address(entry.addresses[0]).is_loopback:
        raise SimulationError(
            f"{device} has the address {entry.addresses[0]}: the simulator takes loopback addresses only, such as 127.4.1.1"
        )
    return entry.addresses[0], port or entry.port


async def serve(settings: Settings, *, seed: int, port: int | None, troubles: Sequence[Trouble], speed: float) -> None:
    """Answer for every device until SIGTERM or SIGINT."""
    started, began = time.time(), time.monotonic()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    made = agents(settings, seed=seed, started=started, troubles=troubles, speed=speed)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # A wall clock that is set back must not turn the counters back.
    places = [(agent, *_endpoint(settings, agent.machine.id, port)) for agent in made]
    with await listen(places, lambda: started + (time.monotonic() - began)):
        sys.stdout.write(json.dumps({"ready": True, "agents": len(made), "seed": seed}) + "\n")
        sys.stdout.flush()
        await stop.wait()


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _troubles(text: str) -> tuple[Trouble, ...]:
    if text == "none":
        return ()
    try:
        return tuple(Trouble(name.strip()) for name in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}': expected none, or some of {', '.join(Trouble)} with commas between them"
        ) from None


def above_zero(text: str) -> float:
    """A number as an option of the command line has it, above 0. ArgumentTypeError: it is none."""
    if not (text.replace(".", "", 1).isdigit() and float(text) > 0):
        raise argparse.ArgumentTypeError(f"'{text}': expected a number above 0")
    return float(text)


def _options(argv: Sequence[str], *, seeding: bool) -> argparse.Namespace:
    if seeding:
        parser = argparse.ArgumentParser(
            prog="python -m netmon.sim seed",
            description="Fills a store that holds nothing measured with simulated slots, spans and outages up to now.",
        )
        parser.add_argument("--days", type=int, default=7, metavar="N", help="how many days of slots (7)")
    else:
        parser = argparse.ArgumentParser(
            prog="python -m netmon.sim",
            description="Plays every SNMP device of a configuration whose addresses are loopback addresses.",
            epilog="'python -m netmon.sim seed --config DIR' writes the province's past into the store.",
        )
        parser.add_argument(
            "--port", type=int, metavar="P", help="the UDP port of every agent instead of the configured one"
        )
        parser.add_argument("--speed", type=above_zero, default=1.0, metavar="X", help="runs the troubles X times as fast")
    parser.add_argument("--config", type=Path, required=True, metavar="DIR", help="the configuration whose devices to play")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, metavar="N", help="chooses traffic and troubles")
    parser.add_argument(
        "--troubles", type=_troubles, default=tuple(Trouble), metavar="LIST", help=f"some of {','.join(Trouble)}; or none"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    """Seeds, or plays the province until it is told to stop; the exit code."""
    seeding = argv[:1] == ["seed"]
    options = _options(argv[1:] if seeding else argv, seeding=seeding)
    try:
        settings = load(options.config)
        if seeding:
            _say(fill(settings, seed=options.seed, troubles=options.troubles, days=options.days, now=time.time()).in_words())
        else:
            asyncio.run(
                serve(settings, seed=options.seed, port=options.port, troubles=options.troubles, speed=options.speed)
            )
    except (ConfigErrors, SimulationError, SeedError, OSError) as error:
        _say(f"netmon.sim: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
