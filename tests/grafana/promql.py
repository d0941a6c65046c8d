"""PromQL as far as dashboards write it: read into a tree, and asked which labels come out of it.

`labels_of` follows the labels of catalogued families through functions, aggregations and matchings, and complains where one
is selected, grouped by or matched on that cannot be there. Prometheus itself takes such an expression, and answers nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

Labels = frozenset[str] | None
"""None where any label may be."""

NO_LABELS: frozenset[str] = frozenset()
_AGGREGATIONS = {
    *("sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values", "bottomk", "topk", "quantile"),
}
_KEEPING = {"topk", "bottomk"}
_BINARY = (("or",), ("and", "unless"), ("==", "!=", "<=", ">=", "<", ">"), ("+", "-"), ("*", "/", "%", "atan2"), ("^",))
_SETS = {"or", "and", "unless"}
_NUMBER = r"(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
_TOKEN = re.compile(
    rf"""(?P<space>\s+|\#[^\n]*)
    |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<duration>(?:\d+(?:ms|[smhdwy]))+|\$__[a-z_]+|\$\{{[^}}]+\}})
    |(?P<number>{_NUMBER})
    |(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
    |(?P<sign>=~|!~|==|!=|<=|>=|[-+*/%^()\[\]{{}},=<>:@])""",
    re.VERBOSE,
)


class PromqlError(Exception):
    """An expression that cannot be read."""


class Matcher(NamedTuple):
    label: str
    sign: str
    value: str


@dataclass(frozen=True)
class Node:
    """A part of an expression. `kind` is number, string, selector, call, aggregation or binary; `range` of a selector or a
    subquery as it is written."""

    kind: str
    name: str = ""
    parts: tuple[Node, ...] = ()
    matchers: tuple[Matcher, ...] = ()
    range: str = ""
    by: tuple[str, ...] | None = None
    without: bool = False
    on: tuple[str, ...] | None = None
    ignoring: bool = False
    group: str = ""
    taken: tuple[str, ...] = ()


@dataclass
class _Reader:
    text: str
    tokens: list[tuple[str, str]] = field(default_factory=list)
    at: int = 0

    def __post_init__(self) -> None:
        place = 0
        while place < len(self.text):
            found = _TOKEN.match(self.text, place)
            if not found:
                raise PromqlError(f"{self.text[place : place + 20]!r} in {self.text}")
            place = found.end()
            if found.lastgroup != "space":
                self.tokens.append((str(found.lastgroup), found[0]))
        self.tokens.append(("end", ""))

    @property
    def here(self) -> str:
        return self.tokens[self.at][1] if self.tokens[self.at][0] != "string" else ""

    @property
    def kind(self) -> str:
        return self.tokens[self.at][0]

    def take(self, *wanted: str, kind: str = "") -> str:
        found = self.tokens[self.at]
        if (wanted and found[1] not in wanted) or (kind and found[0] != kind):
            raise PromqlError(f"{found[1] or 'the end'!r} where {' or '.join(wanted) or kind} is wanted, in {self.text}")
        self.at += 1
        return found[1]

    def has(self, *signs: str) -> bool:
        if self.kind in ("sign", "name") and self.here in signs:
            self.at += 1
            return True
        return False

    def names(self) -> tuple[str, ...]:
        self.take("(")
        found = []
        while not self.has(")"):
            found.append(self.take(kind="name"))
            self.has(",")
        return tuple(found)

    def binary(self, level: int = 0) -> Node:
        if level == len(_BINARY):
            return self.unary()
        left = self.binary(level + 1)
        while self.kind in ("sign", "name") and self.here in _BINARY[level]:
            sign = self.take()
            self.has("bool")
            on, ignoring, group, taken = None, False, "", ()
            if self.here in ("on", "ignoring"):
                ignoring = self.take() == "ignoring"
                on = self.names()
            if self.here in ("group_left", "group_right"):
                group = self.take()
                taken = self.names() if self.here == "(" else ()
            right = self.binary(level if sign == "^" else level + 1)
            left = Node("binary", sign, (left, right), on=on, ignoring=ignoring, group=group, taken=taken)
        return left

    def unary(self) -> Node:
        if self.has("-", "+"):
            return self.unary()
        return self.followed(self.primary())

    def followed(self, node: Node) -> Node:
        while True:
            if self.has("["):
                within = ""
                while not self.has("]"):
                    within += self.take()
                node = (
                    Node(**{**vars(node), "range": within})
                    if node.kind == "selector"
                    else Node("call", "subquery", (node,), range=within)
                )
            elif self.has("offset"):
                self.has("-")
                self.take(kind="duration")
            elif self.has("@"):
                self.take()
                if self.has("("):
                    self.take(")")
            else:
                return node

    def primary(self) -> Node:
        if self.has("("):
            inside = self.binary()
            self.take(")")
            return inside
        if self.kind in ("number", "duration"):
            return Node("number", self.take())
        if self.kind == "string":
            return Node("string", self.take()[1:-1])
        if self.here == "{":
            return self.selector("")
        name = self.take(kind="name")
        if name.lower() in ("inf", "nan"):
            return Node("number", name)
        if name in _AGGREGATIONS and self.here in ("(", "by", "without"):
            by, without = self.grouping(None, without=False)
            parts = self.arguments()
            by, without = self.grouping(by, without=without)
            return Node("aggregation", name, parts, by=by, without=without)
        if self.here == "(":
            return Node("call", name, self.arguments())
        return self.selector(name)

    def grouping(self, by: tuple[str, ...] | None, *, without: bool) -> tuple[tuple[str, ...] | None, bool]:
        if self.here in ("by", "without"):
            without = self.take() == "without"
            by = self.names()
        return by, without

    def arguments(self) -> tuple[Node, ...]:
        self.take("(")
        found = []
        while not self.has(")"):
            found.append(self.binary())
            self.has(",")
        return tuple(found)

    def selector(self, name: str) -> Node:
        matchers = []
        if self.has("{"):
            while not self.has("}"):
                label, sign = self.take(kind="name"), self.take("=", "!=", "=~", "!~")
                matchers.append(Matcher(label, sign, self.take(kind="string")[1:-1]))
                self.has(",")
        return Node("selector", name, matchers=tuple(matchers))


def read(expression: str) -> Node:
    """The tree of an expression. PromqlError: it has none."""
    reader = _Reader(expression)
    node = reader.binary()
    if reader.kind != "end":
        raise PromqlError(f"{reader.here!r} is too much, in {expression}")
    return node


def walk(node: Node) -> Iterator[tuple[Node, Node | None]]:
    """Every part with the one that it is a part of."""

    def below(part: Node, above: Node | None) -> Iterator[tuple[Node, Node | None]]:
        yield part, above
        for each in part.parts:
            yield from below(each, part)

    return below(node, None)


def selectors(node: Node) -> Iterator[Node]:
    return (part for part, _ in walk(node) if part.kind == "selector")


def is_scalar(node: Node) -> bool:
    """Whether it is a number and no vector."""
    if node.kind == "binary":
        return all(map(is_scalar, node.parts))
    return node.kind == "number" or (node.kind == "call" and node.name in ("scalar", "time", "pi"))


def labels_of(node: Node, family: Callable[[str], Labels], complain: Callable[[str], None]) -> Labels:
    """The labels of what comes out; `family` gives those of a metric. None: any may be there."""

    def need(labels: tuple[str, ...], there: Labels, why: str) -> None:
        if there is not None and (missing := sorted(set(labels) - there)):
            complain(f"{why} {', '.join(missing)}: there is only {', '.join(sorted(there)) or 'no label'}")

    def of(part: Node) -> Labels:
        if part.kind in ("number", "string"):
            return NO_LABELS
        if part.kind == "selector":
            need(tuple(matcher.label for matcher in part.matchers), family(part.name), f"{part.name} is selected by")
            return family(part.name)
        if part.kind == "aggregation":
            return aggregated(part)
        return called(part) if part.kind == "call" else matched(part)

    def aggregated(part: Node) -> Labels:
        there = of(part.parts[-1])
        need(part.by or (), there, f"{part.name} groups by")
        if part.name in _KEEPING:
            return there
        if part.without:
            return None if there is None else there - set(part.by or ())
        added = (part.parts[0].name,) if part.name == "count_values" else ()
        return frozenset((*(part.by or ()), *added))

    def called(part: Node) -> Labels:
        if part.name in ("label_replace", "label_join"):
            there = of(part.parts[0])
            sources = part.parts[3:4] if part.name == "label_replace" else part.parts[3:]
            need(tuple(source.name for source in sources if source.name), there, f"{part.name} takes")
            return None if there is None else there | {part.parts[1].name}
        if part.name in ("vector", "scalar", "time", "pi"):
            for each in part.parts:
                of(each)
            return NO_LABELS
        if part.name == "absent" or part.name == "absent_over_time":
            of(part.parts[0])
            return frozenset(m.label for m in part.parts[0].matchers if m.sign == "=")
        found = [of(each) for each in part.parts if each.kind not in ("number", "string")]
        there = found[-1] if found else NO_LABELS
        if part.name == "histogram_quantile":
            need(("le",), there, "histogram_quantile reads")
            return None if there is None else there - {"le"}
        return there

    def stands_in(part: Node) -> Labels:
        """A family that has not the label stands in for one that has while all are chosen: .* finds it, a value does not."""
        kept = tuple(each for each in part.matchers if not (each.sign == "=~" and each.value.startswith("$")))
        return of(replace(part, matchers=kept) if part.kind == "selector" else part)

    def matched(part: Node) -> Labels:
        left, right = of(part.parts[0]), (stands_in if part.name == "or" else of)(part.parts[1])
        if any(scalars := [is_scalar(each) for each in part.parts]):
            return right if scalars[0] else left
        if part.name == "or":
            return None if left is None or right is None else left | right
        if part.on is None or part.ignoring:
            away = set(part.on or ())
            if left is not None and right is not None and left - away != right - away and not part.group:
                odd = ", ".join(sorted((left ^ right) - away))
                complain(f"{part.name} matches two sides of which one alone has {odd}")
            return left if part.name in _SETS or part.group or left is None else left - away
        need(part.on, left, f"{part.name} matches, on its left, on")
        need(part.on, right, f"{part.name} matches, on its right, on")
        if part.name in _SETS:
            return left
        many, one = (right, left) if part.group == "group_right" else (left, right)
        need(part.taken, one, f"{part.group} takes")
        if part.group:
            return None if many is None else many | set(part.taken)
        return frozenset(part.on)

    return of(node)
