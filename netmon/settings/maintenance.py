"""maintenance.yaml to declared works: planned on devices, links, cables, sites and communes that the inventory has.

The file is optional. Works in it are declared when netmon starts or reloads, and ended when they are taken out of it
(docs/maintenance.md). Those that are over may stay: they are not declared again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime, time
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from netmon import declaring
from netmon.declaring import DeclarationError, Places
from netmon.events.windows import named
from netmon.model import VIET_NAM, Declared, WindowKind
from netmon.settings import yaml
from netmon.settings.faults import faults
from netmon.settings.models import Shape
from netmon.settings.problem import Mark, Problem, UnfitError, problem_at
from netmon.settings.secrets import Fetch
from netmon.settings.values import Given, Text, one_or_many
from netmon.settings.yaml import Table

Value = TypeVar("Value")


def _unfit(error: DeclarationError) -> UnfitError:
    return UnfitError(error.text, error.hint)


def _instant(value: object) -> float:
    try:
        return declaring.absolute(value)
    except DeclarationError as error:
        raise UnfitError(error.text, "write it as 2026-11-22T14:00") from None


def _line(what: str, most: int) -> Callable[[str], str]:
    def fitting(text: str) -> str:
        try:
            return declaring.words(text, what, most, needed=True)
        except DeclarationError as error:
            raise _unfit(error) from None

    return fitting


_Instant = Annotated[float, PlainValidator(_instant)]
_Texts = Annotated[list[Text], BeforeValidator(one_or_many)]
_Name = Annotated[str, AfterValidator(_line("the name", declaring.LONGEST_NAME))]
_Note = Annotated[str, Given, AfterValidator(_line("the note", declaring.LONGEST_NOTE))]


class WorksEntry(Shape):
    """Works: what they are called, on what (YAML 1.1 reads `on` as true), from when until when."""

    name: _Name
    what: _Texts = Field(default=[])
    areas: _Texts = Field(default=[])
    start: _Instant = Field(alias="from")
    until: _Instant
    note: _Note = ""


class MaintenanceFile(Shape):
    """maintenance.yaml."""

    maintenance: list[WorksEntry]


def read_maintenance(path: Path, fetched: Fetch, places: Places) -> tuple[tuple[Declared, ...], list[Problem]]:
    """The works of a file, none where there is no file, and everything that is wrong with it."""
    if not os.path.lexists(path):
        return (), []
    document = yaml.read(path, fetched)
    problems = list(document.problems)
    if document.root is None:
        return (), problems
    file, wrong = faults(document.root, MaintenanceFile)
    if file is None or problems:
        return (), [*problems, *wrong]
    found: dict[str, Declared] = {}
    for entry, table in zip(file.maintenance, document.root.tables("maintenance"), strict=True):
        works, misfits = _works(entry, table, places)
        if works is not None and works.id in found:
            text = f"'{entry.name}' is there twice on one day: works are known by name and day"
            misfits.append(problem_at(table.value_mark("name"), text))
        problems += misfits
        if works is not None:
            found[works.id] = works
    return ((), problems) if problems else (tuple(found.values()), [])


def _works(entry: WorksEntry, table: Table, places: Places) -> tuple[Declared | None, list[Problem]]:
    problems: list[Problem] = []
    areas = [
        code for code, mark in _each(table, "areas", entry.areas) if _fits(declaring.communes, code, mark, places, problems)
    ]
    on = [name for name, mark in _each(table, "what", entry.what) if _fits(declaring.subjects, name, mark, places, problems)]
    if problems:
        return None, problems
    works = Declared(
        id=named(WindowKind.MAINTENANCE, entry.name, entry.start),
        kind=WindowKind.MAINTENANCE,
        name=entry.name,
        start=entry.start,
        until=entry.until,
        areas=declaring.communes(areas, places),
        subjects=declaring.subjects(on, places),
        note=entry.note,
    )
    if works.start > datetime.combine(places.on, time(), VIET_NAM).timestamp() + declaring.AHEAD_S:
        return None, [problem_at(table.value_mark("from"), "from lies too far off: at most 366 days ahead")]
    try:
        declaring.fits(works)
    except DeclarationError as error:
        key = "until" if works.areas or works.subjects else "name"
        return None, [problem_at(table.value_mark(key), error.text, error.hint)]
    return works, []


def _each(table: Table, key: str, values: list[str]) -> Iterator[tuple[str, Mark]]:
    return zip(values, (mark for _, mark in table.texts(key)), strict=True)


def _fits(read: Callable[[object, Places], object], text: str, mark: Mark, places: Places, problems: list[Problem]) -> bool:
    """Whether a name stands for something; what is wrong with it joins the problems."""
    try:
        read([text], places)
    except DeclarationError as error:
        problems.append(problem_at(mark, error.text, error.hint))
        return False
    return True
