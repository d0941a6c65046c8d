"""Profile files to profiles, every fault as `file:line:column: what is wrong`; which profile fits a device."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml
from pydantic import ValidationError

from netmon.profiles.schema import Profile


class ProfileError(ValueError):
    """Profile files that do not hold together. The text has one line a fault."""


@dataclass(frozen=True, slots=True)
class Profiles:
    """Profiles by name, and the choice among them."""

    by_name: Mapping[str, Profile]

    def named(self, name: str) -> Profile:
        """Raises ProfileError with the names that there are."""
        try:
            return self.by_name[name]
        except KeyError:
            raise ProfileError(f"no profile {name}: there are {', '.join(sorted(self.by_name))}") from None

    def matching(self, sys_object_id: str) -> Profile:
        """The profile with the longest prefix of `sys_object_id`, by whole sub-identifiers."""
        fitting = (
            (len(prefix), name)
            for name, profile in self.by_name.items()
            for prefix in profile.sys_object_id
            if not prefix or f"{sys_object_id}.".startswith(f"{prefix}.")
        )
        return self.by_name[max(fitting)[1]]


def load() -> Profiles:
    """The profiles that netmon brings. Raises ProfileError."""
    texts = sorted(
        (file.name, file.read_text("utf-8")) for file in files(__package__).iterdir() if file.name.endswith(".yaml")
    )
    return gather(parse(text, name) for name, text in texts)


def gather(profiles: Iterable[Profile]) -> Profiles:
    """Raises ProfileError when two profiles claim the same prefix, for the choice would be chance, or none claims all."""
    by_name: dict[str, Profile] = {}
    claimed: dict[str, str] = {}
    for profile in profiles:
        by_name[profile.name] = profile
        for prefix in profile.sys_object_id:
            other = claimed.setdefault(prefix, profile.name)
            if other != profile.name:
                raise ProfileError(f"{profile.name} and {other} both claim sysObjectID {prefix!r}")
    if "" not in claimed:
        raise ProfileError("no profile has the empty sysObjectID, which matches every device")
    return Profiles(by_name)


def parse(text: str, file: str) -> Profile:
    """One profile, named after its file. Raises ProfileError with all of the file's faults."""
    try:
        root = yaml.compose(text, Loader=_Loader)
        content = _Loader(text).get_single_data()
    except yaml.MarkedYAMLError as error:
        raise ProfileError(f"{_where(file, error.problem_mark)}: {error.problem}") from None
    if root is None or not isinstance(content, dict):
        raise ProfileError(f"{file}:1:1: a profile is a mapping that begins with sys_object_id")
    name = file.rpartition("/")[2].removesuffix(".yaml")
    try:
        return Profile.model_validate({"name": name, **content})
    except ValidationError as error:
        raise ProfileError("\n".join(_fault(root, file, fault) for fault in error.errors())) from None


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, which PyYAML lets pass."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _fault(root: yaml.Node, file: str, error: Mapping[str, Any]) -> str:
    place = error["loc"]
    words = error["msg"].removeprefix("Value error, ")
    if error["type"] in _WORDS:
        words = f"{place[-1]} {_WORDS[error['type']]}"
    return f"{_where(file, _mark(root, place))}: {words}"


_WORDS = {"extra_forbidden": "is no key here", "missing": "is missing"}


def _mark(node: yaml.Node, place: tuple[int | str, ...]) -> yaml.Mark:
    """Where the value at `place` stands; the nearest parent when it is missing."""
    mark = node.start_mark
    for step in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            found = next((value for key, value in node.value if key.value == str(step)), None)
            if found is None:
                break
            node = found
        else:
            break
        mark = node.start_mark
    return mark


def _where(file: str, mark: yaml.Mark | None) -> str:
    return f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
