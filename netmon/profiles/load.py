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
    """Profiles with what they inherit. Raises ProfileError when two claim the same prefix, for the choice would be chance,
    when none claims all, and when one does not fit to what it extends."""
    written = {profile.name: profile for profile in profiles}
    by_name = {name: _whole(profile, written) for name, profile in written.items()}
    claimed: dict[str, str] = {}
    for profile in by_name.values():
        for prefix in profile.sys_object_id:
            other = claimed.setdefault(prefix, profile.name)
            if other != profile.name:
                raise ProfileError(f"{profile.name} and {other} both claim sysObjectID {prefix!r}")
    if "" not in claimed:
        raise ProfileError("no profile has the empty sysObjectID, which matches every device")
    return Profiles(by_name)


def _whole(profile: Profile, written: Mapping[str, Profile], below: tuple[str, ...] = ()) -> Profile:
    """A profile with what it inherits; `below` are those that it is needed for."""
    if profile.extends is None:
        return profile
    where = f"{profile.name}.yaml: extends {profile.extends}:"
    if profile.extends in (profile.name, *below):
        raise ProfileError(f"{where} that is a circle")
    if profile.extends not in written:
        raise ProfileError(f"{where} there is no such profile, only {', '.join(sorted(written))}")
    parent = _whole(written[profile.extends], written, (*below, profile.name))
    try:
        return profile.inheriting(parent)
    except ValidationError as error:
        raise ProfileError("\n".join(f"{where} {_said(fault)}" for fault in error.errors())) from None
    except ValueError as error:
        raise ProfileError(f"{where} {error}") from None


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
    return f"{_where(file, _mark(root, error['loc']))}: {_said(error)}"


def _said(error: Mapping[str, Any]) -> str:
    if error["type"] in _WORDS:
        *above, last = error["loc"]
        key = f"number {last + 1} of {above[-1]}" if isinstance(last, int) else last
        return f"{key} {_WORDS[error['type']]}"
    return str(error["msg"]).removeprefix("Value error, ")


_WORDS = {"extra_forbidden": "is no key here", "missing": "is missing"}


def _mark(node: yaml.Node, place: tuple[int | str, ...]) -> yaml.Mark:
    """Where the value at `place` stands; the nearest parent when it is missing."""
    mark = node.start_mark
    for step in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            if step >= len(node.value):
                break
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
