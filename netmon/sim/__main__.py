"""`python -m netmon.sim`: the simulated province on its loopback addresses, or the past that it would have had.

Troubles are told on stderr in words. One line of JSON on stdout says that every agent answers and every base station is
about to report. Where the configuration's points go to the organisation "simulated" of InfluxDB, that is played as well.
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
from contextlib import AsyncExitStack, suppress
from ipaddress import ip_address
from pathlib import Path

from netmon.pollers.agent import wire_credential
from netmon.settings import ConfigErrors, Settings, load
from netmon.sim import sink
from netmon.sim.agents import Agent, listen
from netmon.sim.broker import is_local
from netmon.sim.director import ORDERS, Director, OrderError
from netmon.sim.orders import directed, tell
from netmon.sim.province import province
from netmon.sim.reports import Line, report
from netmon.sim.seed import SeedError, fill
from netmon.sim.stations import stations
from netmon.sim.troubles import Script, Trouble, in_words, script, stage
from netmon.snmp import Credential
from netmon.store import StoreError

DEFAULT_SEED = 2026


class SimulationError(Exception):
    """The configuration cannot be simulated; the text says why, for people."""


def agents(settings: Settings, chosen: Script, *, seed: int, started: float) -> list[Agent]:
    """An agent for every device of a configuration that speaks SNMP."""
    made = province(settings.inventory, chosen, seed=seed, started=started)
    return [Agent(machine, _credential(settings, machine.id), started) for machine in made.machines.values()]


def _credential(settings: Settings, device: str) -> Credential:
    return wire_credential(settings.credentials[settings.inventory.devices[device].credential])


def _endpoint(settings: Settings, device: str, port: int | None) -> tuple[str, int]:
    entry = settings.inventory.devices[device]
    if not ip_address(entry.addresses[0]).is_loopback:
        raise SimulationError(
            f"{device} has the address {entry.addresses[0]}: the simulator takes loopback addresses only, such as 127.4.1.1"
        )
    return entry.addresses[0], port or entry.port


async def serve(
    settings: Settings,
    *,
    seed: int,
    port: int | None,
    troubles: Sequence[Trouble],
    speed: float,
    mqtt: bool,
    orders: Path | None = None,
) -> None:
    """Answer for every device, or report for it, until SIGTERM or SIGINT; its troubles are timed from now, or ordered on a
    socket."""
    started, began = time.time(), time.monotonic()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    chosen = script(settings.inventory, seed=seed, started=started, troubles=troubles, speed=speed)
    if orders:
        chosen = Script(stage=stage(settings.inventory))
    made = agents(settings, chosen, seed=seed, started=started)
    if mqtt and settings.mqtt and not is_local(settings.mqtt):
        raise SimulationError(
            f"the broker is at {settings.mqtt.host}: the simulator takes mqtt:// and a loopback address only; or --no-mqtt"
        )
    reporting = stations(settings.inventory, chosen, seed=seed, started=started) if mqtt and settings.mqtt else []
    for sentence in in_words(chosen, settings.inventory):
        _say(sentence)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def clock() -> float:
        """A wall clock that is set back must not turn the counters back."""
        return started + (time.monotonic() - began)

    async with AsyncExitStack() as stack:
        places = [(agent, *_endpoint(settings, agent.machine.id, port)) for agent in made]
        stack.enter_context(await listen(places, clock))
        if settings.influx and (address := sink.address(settings.influx)):
            stack.push_async_callback((await sink.serve(settings.influx, *address)).cleanup)
        if orders and chosen.stage:
            await stack.enter_async_context(directed(orders, Director(settings.inventory, chosen.stage, seed=seed), clock))
        told = {"ready": True, "agents": len(made), "publishers": len(reporting), "seed": seed}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        if settings.mqtt is None or not reporting:
            await stop.wait()
            return
        talking = asyncio.create_task(report(reporting, Line(settings.mqtt, clock, _say)))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait((talking, stopping), return_when=asyncio.FIRST_COMPLETED)
        for task in (talking, stopping):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await talking


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
            description="Plays every device of a configuration: SNMP agents on their loopback addresses, and those that\n"
            "report over MQTT at the broker that it names.",
            epilog="'python -m netmon.sim seed --config DIR' writes the province's past into the store.\n"
            "'python -m netmon.sim direct SOCKET ORDER' gives an order to one that runs with --direct SOCKET.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument(
            "--direct", type=Path, metavar="SOCKET", help="takes orders on a Unix socket; no trouble comes by itself then"
        )
        parser.add_argument(
            "--port", type=int, metavar="P", help="the UDP port of every agent instead of the configured one"
        )
        parser.add_argument("--no-mqtt", action="store_true", help="leaves the devices silent that report over MQTT")
        parser.add_argument("--speed", type=above_zero, default=1.0, metavar="X", help="runs the troubles X times as fast")
    parser.add_argument("--config", type=Path, required=True, metavar="DIR", help="the configuration whose devices to play")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, metavar="N", help="chooses traffic and troubles")
    parser.add_argument("--troubles", type=_troubles, metavar="LIST", help=f"some of {','.join(Trouble)}; or none")
    options = parser.parse_args(argv)
    if options.troubles is None:
        options.troubles = tuple(Trouble)
    elif not seeding and options.direct and options.troubles:
        parser.error("--troubles and --direct: what goes wrong is either chosen by the seed or ordered")
    return options


def _ordered(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m netmon.sim direct",
        description="Gives an order to a simulator that runs with --direct, and prints what is in force then.",
        epilog=ORDERS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("socket", type=Path, metavar="SOCKET", help="the socket that it takes orders on")
    parser.add_argument("order", metavar="ORDER", help="one of those below")
    options = parser.parse_args(argv)
    try:
        sys.stdout.write(tell(options.socket, options.order) + "\n")
    except (OrderError, OSError) as error:
        _say(f"netmon.sim: {error}")
        return 1
    return 0


def main(argv: Sequence[str]) -> int:
    """Seeds, gives an order, or plays the province until it is told to stop; the exit code."""
    if argv[:1] == ["direct"]:
        return _ordered(argv[1:])
    seeding = argv[:1] == ["seed"]
    options = _options(argv[1:] if seeding else argv, seeding=seeding)
    try:
        settings = load(options.config)
        if seeding:
            _say(fill(settings, seed=options.seed, troubles=options.troubles, days=options.days, now=time.time()).in_words())
        else:
            asyncio.run(
                serve(
                    settings,
                    seed=options.seed,
                    port=options.port,
                    troubles=options.troubles,
                    speed=options.speed,
                    mqtt=not options.no_mqtt,
                    orders=options.direct,
                )
            )
    except (ConfigErrors, SimulationError, SeedError, StoreError, OSError) as error:
        _say(f"netmon.sim: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
