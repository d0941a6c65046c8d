"""pydantic's findings in the words of the people who write the files, each at its place."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from yaml.nodes import Node, ScalarNode, SequenceNode

from netmon.settings.models import Shape
from netmon.settings.problem import Problem, UnfitError, meant, problem_at
from netmon.settings.rules import RULES, TargetEntry
from netmon.settings.yaml import Items, Table

_LIKENESS = 0.6

_BESIDE_SECRETS = ("version", "community", "user", "auth", "priv", "protocol", "key", "context", "password", "token")
"""Keys that may stand in the wrong one of the places where secrets are: of others there only their place is told."""

_EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "list_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
}

_KINDS = {
    "null": "nothing",
    "str": "text",
    "bool": "true or false",
    "timestamp": "a day",
    "int": "a number",
    "float": "a number with a fraction",
}


def faults(root: Table, model: type[Shape]) -> tuple[Any, list[Problem]]:
    """The file's contents by its model, or None and what is wrong with them."""
    try:
        return model.model_validate(root), []
    except ValidationError as error:
        return None, [
            problem
            for detail in error.errors(include_url=False)
            for problem in [_problem(root, detail), *_behind_an_unknown_rule(root, detail)]
        ]


def _behind_an_unknown_rule(root: Table, detail: Any) -> list[Problem]:
    """What is wrong with the other keys of a target whose rule is not known: by the rule that was probably meant, else by
    what all have. A key of any rule may be right, and of the keys only those that all have may be missing."""
    if not detail["type"].startswith("union_tag") or "rule" not in detail["ctx"]["discriminator"]:
        return []
    entry, _ = _locate(root, detail["loc"])
    near = get_close_matches(entry.text("rule") or "", RULES, 1, _LIKENESS)
    known = {key for rule in RULES.values() for key in rule.keys()}  # noqa: SIM118 - a model, not a mapping
    allowed = {"extra_forbidden": known, "missing": known - {*TargetEntry.keys(), "level", "limit"}}
    try:
        (RULES[near[0]] if near else TargetEntry).model_validate(entry)
    except ValidationError as error:
        return [
            _problem(entry, found)
            for found in error.errors(include_url=False)
            if found["loc"] != ("rule",) and found["loc"][-1] not in allowed.get(found["type"], ())
        ]
    return []


def _problem(root: Table, detail: Any) -> Problem:
    loc, kind, context = detail["loc"], detail["type"], detail.get("ctx", {})
    name = str(loc[-1]) if loc else ""
    if kind == "extra_forbidden":
        table, _ = _locate(root, loc[:-1])
        near, keys = meant(name, table.shape.keys()), f"the keys here are {', '.join(table.shape.keys())}"
        text = f"unknown key '{name}'" if near or name in _BESIDE_SECRETS or not _among_secrets(loc) else "unknown key"
        return problem_at(table.key_mark(name), text, near or keys)
    table, node = _locate(root, loc)
    if kind == "missing":
        return problem_at(node.start_mark, f"missing key '{name}'")
    if kind == "union_tag_not_found":
        return problem_at(node.start_mark, f"missing key {context['discriminator']}")
    if kind == "union_tag_invalid":
        key = str(context["discriminator"]).strip("'")
        return _not_among(table.nodes[key][1], context["expected_tags"])
    if kind in {"enum", "literal_error"}:
        return _not_among(node, context["expected"])
    if kind in _EXPECTED:
        return problem_at(
            node.start_mark,
            f"expected {_EXPECTED[kind]}, found {_kind_of(node)}",
            _quotes(kind, node, hushed=_among_secrets(loc)),
        )
    if kind == "string_too_short":
        return problem_at(node.start_mark, "expected text, found nothing")
    if isinstance(context.get("error"), UnfitError):
        error = context["error"]
        return problem_at(node.start_mark, str(error), error.hint)
    return problem_at(node.start_mark, detail["msg"][:1].lower() + detail["msg"][1:])


def _locate(root: Table, loc: tuple[int | str, ...]) -> tuple[Table, Node]:
    """The innermost mapping on the way to a finding, and the node that it speaks of.

    A step that is not in the data names a missing key, an option of pydantic's, or an item of a value that stands alone.
    """
    table, node, holder = root, root.node, root
    here: object = root
    for step in loc:
        if isinstance(here, Table) and step in here:
            holder = here
            node, here = here.nodes[str(step)][1], here[str(step)]
        elif isinstance(here, Items) and isinstance(step, int) and step < len(here):
            node, here = here.nodes[step], here[step]
        elif step == "[key]":
            node = holder.nodes[str(loc[-2])][0]
        if isinstance(here, Table):
            table = here
    return table, node


def _among_secrets(loc: tuple[int | str, ...]) -> bool:
    """Whether something stands where a secret may have been written in its place."""
    return loc[0] in ("credentials", "mqtt") or loc[:2] in (("exporters", "influxdb"), ("web", "tokens"))


def _not_among(node: Node, expected: str) -> Problem:
    """`expected` is pydantic's enumeration, each word in single quotes."""
    words = re.findall(r"'([^']*)'", expected)
    if not isinstance(node, ScalarNode):
        return problem_at(node.start_mark, f"expected one of {', '.join(words)}, found {_kind_of(node)}")
    if node.value in words:
        return problem_at(node.start_mark, f"expected text, found {_kind_of(node)}", _quotes("string_type", node))
    if len(words) == 1:
        return problem_at(node.start_mark, f"'{node.value}' cannot be: here it must be {words[0]}")
    return problem_at(node.start_mark, f"'{node.value}' is not one of {', '.join(words)}", meant(node.value, words))


def _kind_of(node: Node) -> str:
    if not isinstance(node, ScalarNode):
        return "a list" if isinstance(node, SequenceNode) else "keys and values"
    if node.tag.startswith("!"):
        return "a secret"
    return _KINDS.get(node.tag.rpartition(":")[2], "something else")


def _quotes(kind: str, node: Node, *, hushed: bool = False) -> str:
    plain = isinstance(node, ScalarNode) and node.value and not node.tag.startswith("!")
    told = "write it in quotes" if hushed else f'write it in quotes: "{node.value}"'
    return told if kind == "string_type" and plain else ""
