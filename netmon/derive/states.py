"""The state of a device, from its polls alone (SEMANTICS 1).

    unknown ──answered──> up ──silent──> suspect ──silent──> falling ──path verified──> down | unreachable

`falling` is not published: the device keeps showing `suspect` (or `unknown`) until its upstreams have been verified, which
is causes' work. Two silent polls in a row make it fall since the send time of the first.
"""

from __future__ import annotations

from typing import NamedTuple

from netmon.model import DeviceState, Outcome, Poll

ALIVE = (Outcome.ANSWERED, Outcome.REFUSED)
"""Outcomes that show a device alive: one that refuses to be measured is a ticket, not an outage."""

VERIFY_AFTER_S = 5.0
"""A silent poll is verified by another one so much later."""


class Track(NamedTuple):
    """What is known of a device. Times are Unix seconds; 0 is never.

    `since`: of the state. `silences`, `silent_since`, `silent_again`: the run of silent polls and the send times of its
    first and second: the first says since when, an alibi must be younger than the second. `mute`: the run of polls that were
    silent or failed on our own side; `failures`: the run of those that failed on our own side. `heard`: the send time of the
    last poll that showed it alive; `asked`: of the last poll that said anything; `tried`: of the last one. `cause`: why it
    is unreachable. `shown_up`: the last published netmon_device_up, kept while unknown.
    """

    state: DeviceState = DeviceState.UNKNOWN
    since: float = 0.0
    silences: int = 0
    silent_since: float = 0.0
    silent_again: float = 0.0
    mute: int = 0
    failures: int = 0
    heard: float = 0.0
    asked: float = 0.0
    tried: float = 0.0
    cause: str = ""
    outcome: str = ""
    detail: str = ""
    shown_up: bool | None = None

    @property
    def fallen(self) -> bool:
        return self.state in (DeviceState.DOWN, DeviceState.UNREACHABLE)

    @property
    def falling(self) -> bool:
        """Silent twice, but not yet published as down or unreachable (or unreachable, and its upstream is back)."""
        return self.silences >= 2 and self.state is not DeviceState.DOWN and not self.cause


def enter(track: Track, state: DeviceState, since: float, cause: str = "") -> Track:
    """The track in a new state; in the same one it keeps its `since`."""
    shown = track.shown_up if state is DeviceState.UNKNOWN else state in (DeviceState.UP, DeviceState.SUSPECT)
    if state is track.state:
        return track._replace(cause=cause, shown_up=shown)
    return track._replace(state=state, since=since, cause=cause, shown_up=shown)


def after_poll(track: Track, poll: Poll, sent: float) -> Track:
    """The track after a poll that was sent at `sent`. `refused` counts as alive: a ticket, not an outage. `local` and `bug`
    say nothing of the device."""
    outcome = poll.outcome.value
    if poll.outcome in ALIVE:
        # Nothing counts against it any more. One that was suspected was up all along: `since` stands.
        since = track.since if track.state in (DeviceState.UP, DeviceState.SUSPECT) else sent
        return Track(
            DeviceState.UP, since, heard=sent, asked=sent, tried=sent, outcome=outcome, detail=poll.detail, shown_up=True
        )
    noted = track._replace(outcome=outcome, detail=poll.detail, tried=sent)
    if poll.outcome is Outcome.LOCAL:
        return noted._replace(mute=track.mute + 1, failures=track.failures + 1)
    if poll.outcome is not Outcome.SILENT:
        return noted
    first = track.silent_since if track.silences else sent
    again = sent if track.silences == 1 else track.silent_again
    silent = noted._replace(
        asked=sent,
        silences=track.silences + 1,
        silent_since=first,
        silent_again=again,
        mute=track.mute + 1,
        failures=0,
    )
    if track.state is DeviceState.UP:
        # `since` stays that of `up`, for the poll that verifies may show that it never left.
        return silent._replace(state=DeviceState.SUSPECT)
    return silent


def calm(track: Track) -> Track:
    """The track with nothing counted against it."""
    return track._replace(silences=0, silent_since=0.0, silent_again=0.0, mute=0, failures=0)


def fall(track: Track, state: DeviceState, cause: str = "") -> Track:
    """The track once its upstreams are verified: down or unreachable since the first silent poll."""
    return enter(track, state, track.silent_since, cause)


def doubt(track: Track, now: float) -> Track:
    """The track when netmon no longer knows: the guard is active, or polls stopped."""
    return enter(track._replace(silences=0, silent_since=0.0, silent_again=0.0), DeviceState.UNKNOWN, now)


def reconsider(track: Track) -> Track:
    """An unreachable device whose upstream is back: counts its silences anew, and shows unreachable until they are told."""
    return calm(track)._replace(cause="")


def shift(track: Track, step_s: float) -> Track:
    """The track after a step of the wall clock: what is compared moves with the clock, what people were told stays."""

    def moved(unix: float) -> float:
        return unix + step_s if unix else unix

    return track._replace(
        silent_since=moved(track.silent_since),
        silent_again=moved(track.silent_again),
        heard=moved(track.heard),
        asked=moved(track.asked),
        tried=moved(track.tried),
    )
