"""Profile files to profiles, every fault as `file:line:column: what is wrong`; which profile fits a device."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from netmon.octets import octets_of
from netmon.profiles.schema import Profile, Sign


class ProfileError(ValueError):
    """Profile files that do not hold together. The text has one line a fault."""


Shows = Callable[[Sequence[Sign]], Awaitable[Sequence[bool]]]
"""Asks a device for signs: which of them it shows."""


class Chosen(NamedTuple):
    """The profile of a device, and why: sentences."""

    profile: Profile
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Profiles:
    """Profiles by name, and the choice among them. `own` names those that are not netmon's, which come first."""

    by_name: Mapping[str, Profile]
    own: frozenset[str] = frozenset()

    def named(self, name: str) -> Profile:
        """Raises ProfileError with the names that there are."""
        try:
            return self.by_name[name]
        except KeyError:
            raise ProfileError(f"no profile {name}: there are {', '.join(sorted(self.by_name))}") from None

    def candidates(self, sys_object_id: str) -> Sequence[tuple[str, Profile]]:
        """The profiles that may fit, the likeliest first, with the prefix by which: the longest, by whole sub-identifiers;
        of those with the same one that asks for signs; the last one asks for none."""
        fitting = sorted(
            (
                (len(prefix.split(".")) if prefix else 0, name in self.own, bool(profile.confirm), name, prefix)
                for name, profile in self.by_name.items()
                for prefix in profile.sys_object_id
                if not prefix or f"{sys_object_id}.".startswith(f"{prefix}.")
            ),
            reverse=True,
        )
        found = []
        for _, _, confirm, name, prefix in fitting:
            found.append((prefix, self.by_name[name]))
            if not confirm:
                break
        return found

    def matching(self, sys_object_id: str) -> Profile:
        """The profile of a device that shows no signs."""
        return next(profile for _, profile in self.candidates(sys_object_id) if not profile.confirm)

    async def choose(self, sys_object_id: str, shows: Shows) -> Chosen:
        """The profile that fits a device; raises what `shows` does."""
        candidates = self.candidates(sys_object_id)
        signs = [sign for _, profile in candidates for sign in profile.confirm]
        shown = iter(await shows(signs) if signs else ())
        why: list[str] = []
        for prefix, profile in candidates:
            seen = [sign for sign, there in zip(profile.confirm, shown, strict=False) if there]
            how = f"its sysObjectID {sys_object_id} begins with {prefix}" if prefix else "it fits every device"
            if not profile.confirm:
                return Chosen(profile, (*why, f"{profile.name}: {how}"))
            if seen:
                return Chosen(profile, (*why, f"{profile.name}: {how}, and it answers {_in_words(seen[0])}"))
            wanted = " or ".join(map(_in_words, profile.confirm))
            why.append(f"not {profile.name}: {how}, but it does not answer {wanted}")
        raise AssertionError("one profile fits every device")


def _in_words(sign: Sign) -> str:
    return f"below {sign.below}" + (f" with a text like '{sign.matches}'" if sign.matches else "")


def load(directory: Path | None = None) -> Profiles:
    """The profiles that netmon brings, and those of a directory: they come first, and one of the same name stands in the
    place of netmon's. Raises ProfileError with the faults of all files."""
    own = sorted(directory.glob("*.yaml")) if directory and directory.is_dir() else []
    if not own:
        return _brought_alone()
    faults: list[str] = []
    theirs = _parse_all(((str(path), _read(path, faults)) for path in own), faults)
    if faults:
        raise ProfileError("\n".join(faults))
    profiles = _brought() | theirs
    places = {name: written for name, (_, written) in profiles.items()}
    return gather((profile for profile, _ in profiles.values()), frozenset(theirs), places)


def names(directory: Path) -> list[str]:
    """The names of the profiles that `load` would read."""
    return sorted({*_files(), *(path.stem for path in directory.glob("*.yaml"))})


def _files() -> dict[str, Traversable]:
    """netmon's own, by name."""
    return {file.name.removesuffix(".yaml"): file for file in files(__package__).iterdir() if file.name.endswith(".yaml")}


@cache
def _brought() -> dict[str, tuple[Profile, Written]]:
    """netmon's own, read once: they do not change while it runs."""
    faults: list[str] = []
    found = _parse_all(((file.name, file.read_text("utf-8")) for _, file in sorted(_files().items())), faults)
    if faults:
        raise ProfileError("\n".join(faults))
    return found


@cache
def _brought_alone() -> Profiles:
    profiles = _brought()
    places = {name: written for name, (_, written) in profiles.items()}
    return gather((profile for profile, _ in profiles.values()), places=places)


def _parse_all(texts: Iterable[tuple[str, str]], faults: list[str]) -> dict[str, tuple[Profile, Written]]:
    found: dict[str, tuple[Profile, Written]] = {}
    for where, text in texts:
        try:
            profile, written = _parsed(text, where)
        except ProfileError as error:
            faults.append(str(error))
        else:
            found[profile.name] = profile, written
    return found


def _read(path: Path, faults: list[str]) -> str:
    try:
        return octets_of(path).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{path}: cannot be read: {error}")
        return "sys_object_id: []"


def gather(
    profiles: Iterable[Profile], own: frozenset[str] = frozenset(), places: Mapping[str, Written] | None = None
) -> Profiles:
    """Profiles with what they inherit. Raises ProfileError when two claim the same prefix, for the choice would be chance,
    when none claims all, and when one does not fit to what it extends. A profile of one's `own` may claim what netmon's
    do. `places` are where they are written, by name."""
    written = {profile.name: profile for profile in profiles}
    places = {name: Written(f"{name}.yaml") for name in written} | dict(places or {})
    by_name = {name: _whole(profile, written, places) for name, profile in written.items()}
    claimed: dict[tuple[str, bool], str] = {}
    for profile in by_name.values():
        for n, prefix in enumerate(profile.sys_object_id if not profile.confirm else ()):
            other = claimed.setdefault((prefix, profile.name in own), profile.name)
            if other != profile.name:
                where = places[profile.name].place("sys_object_id", n)
                raise ProfileError(f"{where}: {profile.name} and {other} both claim sysObjectID {prefix!r}")
    if not any(prefix == "" for prefix, _ in claimed):
        raise ProfileError("no profile has the empty sysObjectID, which matches every device")
    return Profiles(by_name, own)


def _whole(
    profile: Profile, written: Mapping[str, Profile], places: Mapping[str, Written], below: tuple[str, ...] = ()
) -> Profile:
    """A profile with what it inherits; `below` are those that it is needed for."""
    if not profile.extends:
        return profile
    at = places[profile.name].place
    parents = []
    for n, name in enumerate(profile.extends):
        where = f"{at('extends', n)}: extends {name}:"
        if name in (profile.name, *below):
            raise ProfileError(f"{where} that is a circle")
        if name not in written:
            raise ProfileError(f"{where} there is no such profile, only {', '.join(sorted(written))}")
        parents.append(_whole(written[name], written, places, (*below, profile.name)))
    extends = f"extends {', '.join(profile.extends)}:"
    lacking = profile.lacking(parents)
    if lacking:
        raise ProfileError(
            "\n".join(
                f"{at('without', n)}: {extends} {', '.join(profile.extends)} has no {name} to do without"
                for n, name in enumerate(profile.without)
                if name in lacking
            )
        )
    where = f"{at('extends')}: {extends}"
    try:
        return profile.inheriting(parents)
    except ValidationError as error:
        raise ProfileError("\n".join(f"{where} {_said(fault)}" for fault in error.errors())) from None
    except ValueError as error:
        raise ProfileError(f"{where} {error}") from None


LONGEST = 1_000_000
"""Characters of a file: netmon's own have 30,000 at most."""

DEEPEST = 50


def parse(text: str, file: str) -> Profile:
    """One profile, named after its file. Raises ProfileError with all of the file's faults."""
    return _parsed(text, file)[0]


def _parsed(text: str, file: str) -> tuple[Profile, Written]:
    root, content = _read_yaml(text, file)
    written = Written(file, root)
    if root is None or not isinstance(content, dict):
        raise ProfileError(f"{file}:1:1: a profile is a mapping: sys_object_id, extends, scalars, tables")
    if "name" in content:
        raise ProfileError(f"{written.place('name')}: name is no key here: a profile is named after its file")
    name = file.rpartition("/")[2].removesuffix(".yaml")
    try:
        return Profile.model_validate({**content, "name": name}), written
    except ValidationError as error:
        raise ProfileError(
            "\n".join(f"{written.place(*fault['loc'])}: {_said(fault)}" for fault in error.errors())
        ) from None


def _read_yaml(text: str, file: str) -> tuple[yaml.Node | None, object]:
    """The document as nodes, which know their places, and as what they mean."""
    if len(text) > LONGEST:
        raise ProfileError(f"{file}:1:1: a profile has {LONGEST:,} characters at most")
    odd = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if odd:
        line, begin = text.count("\n", 0, odd.start()), text.rfind("\n", 0, odd.start())
        raise ProfileError(f"{file}:{line + 1}:{odd.start() - begin}: {odd.group()!r} is no character of a text")
    deep = _deep(text)
    if deep is not None:
        raise ProfileError(f"{_where(file, deep)}: more than {DEEPEST} levels")
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            return root, loader.construct_document(root) if root is not None else None
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise ProfileError(f"{_where(file, error.problem_mark)}: {error.problem}") from None


def _deep(text: str) -> Any:
    """The mark where a document opens more levels than DEEPEST; None where it does not. Each is a call of the parser within
    a call, and the one written in C does not look how deep it is."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                return event.start_mark
    except yaml.YAMLError:
        pass  # it is told where the document is read
    return None


try:
    from yaml import CSafeLoader as _SafeLoader
except ImportError:
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]


class _Loader(_SafeLoader):
    """Refuses a key that stands twice, which PyYAML lets pass."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        seen: set[str] = set()
        if not isinstance(node, yaml.MappingNode):
            raise yaml.constructor.ConstructorError(None, None, "is no mapping", node.start_mark)
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is one word", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError, LookupError, AttributeError) as error:  # 2026-13-45, !!int abc
            what = f"is not what it looks like, or is said to be: {error}"
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark) from None


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


@dataclass(frozen=True, slots=True)
class Written:
    """A profile as it stands in its file, for what is found wrong later: its nodes, None where they are not at hand."""

    file: str
    root: yaml.Node | None = None

    def place(self, *place: int | str) -> str:
        """Where the value at `place` stands."""
        return _where(self.file, _mark(self.root, place) if self.root is not None else None)


def _where(file: str, mark: yaml.Mark | None) -> str:
    return f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
