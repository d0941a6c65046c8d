"""`python -m netmon.sim.broker`: an MQTT broker for the demonstration, on the address of a configuration.

It is mosquitto where that is installed, which this process becomes, else amqtt (MQTT 3.1.1). Either lets in one user by
password, keeps nothing on disk, and says little.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import logging
import os
import pwd
import secrets
import shutil
import sys
from collections.abc import Sequence
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn

from netmon.credential import Secret
from netmon.settings import ConfigErrors, MqttSettings, load

_PLACES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"))


class BrokerError(Exception):
    """There is no broker to be; the text says why, for people."""


def is_local(settings: MqttSettings) -> bool:
    """Whether it is one for the simulator: without TLS, on a loopback address."""
    try:
        return not settings.tls and ip_address(settings.host).is_loopback
    except ValueError:
        return not settings.tls and settings.host == "localhost"


def mosquitto() -> str | None:
    """Where it is installed, None where it is not."""
    return shutil.which("mosquitto", path=_PLACES)


# --- mosquitto --------------------------------------------------------------------------------------------------------


def become_mosquitto(program: str, settings: MqttSettings, home: Path) -> NoReturn:
    """Writes its configuration into `home` and turns this process into it. OSError."""
    home.mkdir(parents=True, exist_ok=True)
    passwords, config = home / "passwords", home / "mosquitto.conf"
    _write(passwords, f"{settings.user}:{_hashed(settings.password)}\n")
    _write(
        config,
        f"listener {settings.port} {settings.host}\n"
        "allow_anonymous false\n"
        f"password_file {passwords}\n"
        # As another user it could not read its passwords, and would no longer die with its parent (prctl(2)).
        f"user {pwd.getpwuid(os.geteuid()).pw_name}\n"
        "persistence false\nlog_dest stdout\nlog_type error\nlog_type warning\nconnection_messages false\n",
    )
    os.execv(program, [program, "-c", str(config)])  # noqa: S606 - the same process, so the same id to end it by


def _hashed(password: Secret | None) -> str:
    """As mosquitto's password files have it since 1.0: $6$, salt, and SHA-512 of password and salt."""
    salt = secrets.token_bytes(12)
    hashed = hashlib.sha512(_text(password).encode() + salt).digest()
    return f"$6${base64.b64encode(salt).decode()}${base64.b64encode(hashed).decode()}"


def _text(password: Secret | None) -> str:
    return password.reveal() if password else ""


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


# --- amqtt ------------------------------------------------------------------------------------------------------------


async def serve_amqtt(settings: MqttSettings) -> None:
    """Serves until the process ends. BrokerError: it is not installed, or cannot listen there."""
    try:
        from amqtt import broker, errors  # type: ignore[import-untyped]
    except ImportError:
        raise BrokerError("neither mosquitto nor amqtt is installed") from None
    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"{settings.host}:{settings.port}"}},
        "plugins": {"netmon.sim.admission.OneUser": {"user": settings.user, "password": _text(settings.password)}},
    }
    try:
        await broker.Broker(config).start()
    except errors.BrokerError as error:
        raise BrokerError(str(error)) from None
    await asyncio.Event().wait()


# --- either -----------------------------------------------------------------------------------------------------------


class Kind(StrEnum):
    MOSQUITTO = "mosquitto"
    AMQTT = "amqtt"


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m netmon.sim.broker",
        description="Runs the MQTT broker that a configuration names, on a loopback address.",
    )
    parser.add_argument("--config", type=Path, required=True, metavar="DIR", help="the configuration")
    parser.add_argument("--home", type=Path, required=True, metavar="DIR", help="where mosquitto's own files go")
    parser.add_argument("--kind", type=Kind, choices=Kind, help="which one (mosquitto where it is installed, else amqtt)")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> int:
    """Runs a broker until it is told to stop; the exit code."""
    options = _options(argv)
    logging.basicConfig(level=logging.ERROR)
    try:
        settings = load(options.config).mqtt
        if settings is None or not is_local(settings):
            raise BrokerError("the configuration names no broker at mqtt:// and a loopback address")
        program = None if options.kind is Kind.AMQTT else mosquitto()
        if program is not None:
            become_mosquitto(program, settings, options.home)
        if options.kind is Kind.MOSQUITTO:
            raise BrokerError("mosquitto is not installed")
        asyncio.run(serve_amqtt(settings))
    except (ConfigErrors, BrokerError, OSError) as error:
        sys.stderr.write(f"broker: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
