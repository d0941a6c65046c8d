"""YAML that remembers where everything was written.

`read` gives plain values in two containers, Table and Items, that know the place of each of their parts. PyYAML's safe
loader composes (its C half where there is one); nothing but numbers, text, days, lists and mappings comes out, and the
three secret tags. Text is NFC: "Cao Bằng" is one string however it was typed.
"""

from __future__ import annotations

import io
import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from netmon.credential import Secret
from netmon.octets import octets_of
from netmon.settings.problem import Mark, Problem, UnfitError, problem_at
from netmon.settings.secrets import TAGS, Fetch

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML built without libyaml: the same results, ten times slower
    from yaml import SafeLoader  # type: ignore[assignment]

_TEXT = "tag:yaml.org,2002:str"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_MERGE = "tag:yaml.org,2002:merge"
_DEFAULT_TAGS: dict[type[Node], str] = {SequenceNode: "tag:yaml.org,2002:seq", MappingNode: "tag:yaml.org,2002:map"}

DEEPEST = 64
"""Lists and mappings within one another."""

UNFOLDED_AT_MOST = 1_000_000
"""Values for which a file's aliases and merge keys stand: anchors within anchors double with each line."""

_QUOTED = re.compile(r" '[^'<][^']+'")


class Table(dict[str, Any]):
    """A mapping, with the nodes of its keys and values. `shape` is the model by which it was read, once one did."""

    __slots__ = ("node", "nodes", "shape")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.nodes: dict[str, tuple[Node, Node]] = {}
        self.shape: Any = None

    def key_mark(self, key: str) -> Mark:
        return self.nodes[key][0].start_mark if key in self.nodes else self.node.start_mark

    def value_mark(self, key: str) -> Mark:
        """Where the value of a key stands; where the mapping does when it has no such key."""
        return self.nodes[key][1].start_mark if key in self.nodes else self.node.start_mark

    def text(self, key: str) -> str | None:
        """The value of a key if it is text, or what was written for a number: its author may have forgotten the quotes."""
        return _written(self[key], self.nodes[key][1]) if key in self else None

    def tables(self, key: str) -> list[Table]:
        """The mappings in the list under a key; whatever else is there has been complained of elsewhere."""
        value = self.get(key)
        return [item for item in value if isinstance(item, Table)] if isinstance(value, list) else []

    def table(self, key: str) -> Table | None:
        value = self.get(key)
        return value if isinstance(value, Table) else None

    def texts(self, key: str) -> list[tuple[str, Mark]]:
        """The words under a key, one or a list of them, with their places."""
        if key not in self:
            return []
        value = self.get(key)
        pairs = zip(value, value.nodes, strict=True) if isinstance(value, Items) else [(value, self.nodes[key][1])]
        return [(text, node.start_mark) for part, node in pairs if (text := _written(part, node)) is not None]


class Items(list[Any]):
    """A list, with the nodes of its items."""

    __slots__ = ("node", "nodes")

    def __init__(self, node: Node, nodes: list[Node]) -> None:
        self.node = node
        self.nodes = nodes


@dataclass(slots=True)
class Document:
    """One file. `root` is None when it could not be read as a mapping; `text` is what stands in it."""

    path: Path
    text: str = ""
    root: Table | None = None
    problems: list[Problem] = field(default_factory=list)


def read(path: Path, fetch: Fetch) -> Document:
    """Read a file; `fetch` gets the secrets that it names. Never raises for what the file holds."""
    document = Document(path)
    start = _Start(str(path))
    try:
        document.text = octets_of(path).decode("utf-8-sig")
    except OSError as error:
        document.problems.append(problem_at(start, f"cannot be read: {error.strerror}"))
        return document
    except UnicodeDecodeError as error:
        at = _Start(str(path), line=error.object.count(b"\n", 0, error.start))
        document.problems.append(problem_at(at, "is not UTF-8 text"))
        return document
    loader = _Loader(_Named(document.text, str(path)))
    try:
        _refuse_depth(document.text, str(path))
        node = loader.get_single_node()
        if node is None:
            document.problems.append(problem_at(start, "the file is empty"))
        elif not isinstance(node, MappingNode):
            document.problems.append(problem_at(node.start_mark, "expected keys and values, such as 'sites:'"))
        else:
            builder = _Builder(loader, fetch, document.problems)
            document.root = builder.build(node)
    except yaml.YAMLError as error:
        document.problems.append(_syntax(error, document.text, str(path)))
    finally:
        loader.dispose()
    return document


def _refuse_depth(text: str, name: str) -> None:
    """Composing goes as deep as the file does, and would end the process: looking for its depth costs a tenth as much."""
    depth = 0
    for event in yaml.parse(_Named(text, name), Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                what = f"lists and mappings lie more than {DEEPEST} deep within one another"
                raise yaml.constructor.ConstructorError(None, None, what, cast("yaml.Mark", event.start_mark))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


@dataclass(frozen=True, slots=True)
class _Start:
    name: str
    line: int = 0
    column: int = 0


class _Named(io.StringIO):
    """PyYAML takes the name for its marks from its stream."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.name = name


class _Loader(SafeLoader):
    """The safe loader, of which we use the composing and the reading of scalars."""


class _Builder:
    """Turns nodes into Table, Items and scalars. An aliased node is built once."""

    def __init__(self, loader: _Loader, fetch: Fetch, problems: list[Problem]) -> None:
        self._loader = loader
        self._fetch = fetch
        self._problems = problems
        self._built: dict[Node, Any] = {}
        self._under_way: set[Node] = set()
        self._seen = 0  # nodes, each as often as it is referred to
        self._weights: dict[Node, int] = {}  # what each list and mapping comes to
        self._unfolded = 0

    def build(self, node: Node) -> Any:
        self._seen += 1
        if isinstance(node, ScalarNode):
            return _nfc(node.value) if node.tag == _TEXT else self._scalar(node)
        if node in self._built:
            self._unfold(node, self._weights[node])
            return self._built[node]
        if node in self._under_way:
            raise yaml.constructor.ConstructorError(None, None, "an anchor that holds itself", node.start_mark)
        if node.tag != _DEFAULT_TAGS[type(node)]:
            self._complain(node, *_UNKNOWN_TAG)
        self._under_way.add(node)
        before = self._seen
        if isinstance(node, MappingNode):
            built: Table | Items = self._mapping(node)
        else:
            built = Items(node, node.value)
            built.extend(map(self.build, node.value))
        self._under_way.discard(node)
        self._weights[node] = self._seen - before
        self._built[node] = built
        return built

    def _unfold(self, node: Node, weight: int) -> None:
        self._seen += weight
        self._unfolded += weight
        if self._unfolded > UNFOLDED_AT_MOST:
            what = f"anchors that stand for more than {UNFOLDED_AT_MOST} values"
            raise yaml.constructor.ConstructorError(None, None, what, node.start_mark)

    def _mapping(self, node: MappingNode) -> Table:
        first: dict[str, Node] = {}
        for key_node, value_node in node.value:
            if isinstance(key_node, ScalarNode):
                twin = first.setdefault(key_node.value, key_node)
                if twin is not key_node:
                    line = twin.start_mark.line + 1
                    self._complain(key_node, f"this key is written twice; first in line {line}")
            if key_node.tag == _MERGE:
                self.build(value_node)  # before it is merged, for its own keys to be judged
        merged = [value_node for key_node, value_node in node.value if key_node.tag == _MERGE]
        if merged:
            for value_node in merged:
                parts = value_node.value if isinstance(value_node, SequenceNode) else [value_node]
                self._unfold(node, sum(len(part.value) for part in parts if isinstance(part, MappingNode)))
            self._loader.flatten_mapping(node)
        table = Table(node)
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key is not None:
                table[key] = self.build(value_node)
                table.nodes[key] = (key_node, value_node)
        return table

    def _key(self, node: Node) -> str | None:
        if not isinstance(node, ScalarNode):
            self._complain(node, "a key must be text, not a list or a mapping")
            return None
        if node.tag != _TEXT:
            self._complain(node, f"the key {node.value} is not text", f'write it in quotes: "{node.value}"')
        return _nfc(node.value)

    def _scalar(self, node: ScalarNode) -> Any:
        if node.tag in TAGS:
            try:
                return self._fetch(node.tag, node.value)
            except UnfitError as error:
                self._complain(node, str(error), error.hint)
                return Secret("")
        if node.tag != self._loader.resolve(ScalarNode, node.value, (True, False)):  # type: ignore[no-untyped-call]
            self._complain(node, *_UNKNOWN_TAG)
            return Secret(node.value)
        if node.tag in _NUMBERS and ":" in node.value:
            node.tag = _TEXT  # YAML 1.1 counts 12:30 by sixties, as 750; who writes an interface 1:2 does not
            return _nfc(node.value)
        try:
            return self._loader.construct_object(node)
        except ValueError:
            self._complain(node, "neither a number nor a day", "text is written in quotes")
            return _nfc(node.value)

    def _complain(self, node: Node, text: str, hint: str = "") -> None:
        self._problems.append(problem_at(node.start_mark, text, hint))


_UNKNOWN_TAG = (
    "an unknown tag: the tags are " + ", ".join(TAGS),
    "text that begins with an exclamation mark is written in quotes",
)


def _written(value: object, node: Node) -> str | None:
    if isinstance(value, str):
        return value
    return str(node.value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _nfc(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _syntax(error: yaml.YAMLError, text: str, name: str) -> Problem:
    """What the parser says, in one line and without the words of the file: they may be part of a secret."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark or _Start(name)
        said = _QUOTED.sub("", error.problem or "it cannot be read")
        began = error.context_mark
        since = f"{_QUOTED.sub('', error.context)} that began in line {began.line + 1}" if error.context and began else ""
        if "alias" in said:
            since = "text that begins with an asterisk is written in quotes"
        return problem_at(mark, f"not YAML: {said}", since)
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position)
        return problem_at(_Start(name, line), f"not YAML: {error.reason}")
    return problem_at(_Start(name), f"not YAML: {error}")
