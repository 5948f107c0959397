"""Reads a compose file as a tree of nodes, so that every value has its line. The only module that needs PyYAML."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from yaml.nodes import Node

MERGE = "<<"
RESET = "!reset"  # compose takes the value away, whatever stands behind it
VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?:(?P<operator>:?[-?+])(?P<other>[^}]*))?\}|\w+)")
DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d|w)")
UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


class UnreadableError(Exception):
    """The file cannot be read as a compose file: a reason and a hint."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason, hint)
        self.reason = reason
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Value:
    """A value and where it stands; ``key`` positions are those of the key in front of it."""

    node: "Node"
    line: int  # from 1
    column: int

    @property
    def text(self) -> str | None:
        """A scalar with its variables put in where they have a default; None for lists, mappings and null."""
        from yaml.nodes import ScalarNode

        if not isinstance(self.node, ScalarNode) or self.node.tag == RESET or (self.node.tag.endswith(":null") and self.node.style is None):
            return None
        return interpolate(self.node.value)

    @property
    def is_block(self) -> bool:
        """Whether its text stands in the lines below (`>` and `|`)."""
        from yaml.nodes import ScalarNode

        return isinstance(self.node, ScalarNode) and self.node.style in (">", "|")

    @property
    def is_true(self) -> bool:
        """Whether it is a YAML true."""
        return (self.text or "").lower() in ("true", "yes", "on")

    @property
    def kind(self) -> str:
        """What it is: "mapping", "list", "null", "true or false" or "string" (numbers too)."""
        from yaml.nodes import MappingNode, SequenceNode

        if self.node.tag == RESET:
            return "null"
        if isinstance(self.node, MappingNode):
            return "mapping"
        if isinstance(self.node, SequenceNode):
            return "list"
        if self.text is None:
            return "null"
        # A variable may stand for anything.
        is_boolean = self.node.tag.endswith(":bool") or "$" in str(self.node.value) or (self.text or "").lower() in ("true", "false")
        return "true or false" if is_boolean else "string"

    @property
    def items(self) -> "list[Value] | None":
        """The items of a list, None where it is none."""
        from yaml.nodes import SequenceNode

        if not isinstance(self.node, SequenceNode) or self.node.tag == RESET:
            return None
        return [_value(item) for item in self.node.value]

    def get(self, key: str) -> "Value | None":
        """Return the value of a key, its own before those that << merges in; the position is that of the key."""
        for name, value in self.pairs():
            if name == key:
                return value
        return None

    def pairs(self) -> "Iterator[tuple[str, Value]]":
        """Yield the keys and values of a mapping: what << merges in comes last."""
        from yaml.nodes import MappingNode, SequenceNode

        if not isinstance(self.node, MappingNode):
            return
        merged: list[Node] = []
        for key, value in self.node.value:
            if key.value == MERGE:
                merged += value.value if isinstance(value, SequenceNode) else [value]
            else:
                yield str(key.value), Value(value, key.start_mark.line + 1, key.start_mark.column + 1)
        for node in merged:
            yield from _value(node).pairs()


def load(text: str) -> Value:
    """Return the root. Raises UnreadableError."""
    try:
        import yaml
    except ImportError:
        raise UnreadableError(
            "PyYAML is not installed", "pip install pyyaml, or a pysupervise that was installed with its dependencies"
        ) from None
    try:
        documents = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        raise UnreadableError(f"it is not YAML: {place}{error.problem or error.context}", "check the indentation there") from None
    except yaml.YAMLError as error:
        raise UnreadableError(f"it is not YAML: {' '.join(str(error).split())}", "is it a compose file?") from None
    except RecursionError:
        raise UnreadableError("it is nested too deeply", "is it a compose file?") from None
    if len(documents) > 1:
        line = documents[1].start_mark.line + 1 if documents[1] is not None else 0
        raise UnreadableError(f"it has {len(documents)} YAML documents (the second at line {line})", "examine each in a file of its own")
    root = documents[0] if documents else None
    if root is None or (found := _value(root).get("services")) is None or not list(found.pairs()):
        raise UnreadableError("it has no services", "give a compose file: compose.yaml, docker-compose.yml")
    _refuse_doubled_keys(root)
    return _value(root)


def _refuse_doubled_keys(root: "Node") -> None:
    from yaml.nodes import MappingNode, ScalarNode, SequenceNode

    seen: set[int] = set()
    nodes = [root]
    while nodes:
        node = nodes.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, SequenceNode):
            nodes += node.value
        elif isinstance(node, MappingNode):
            lines: dict[str, int] = {}
            for key, value in node.value:
                nodes.append(value)
                if not isinstance(key, ScalarNode):
                    continue
                line = key.start_mark.line + 1
                if key.value in lines and key.value != MERGE:
                    raise UnreadableError(
                        f"line {line}: the key `{key.value}` stands there twice, at line {lines[key.value]} too",
                        "compose refuses such a file: take one of them out",
                    )
                lines[key.value] = line


def services(root: Value) -> Iterator[tuple[str, Value]]:
    """Yield the services by name."""
    table = root.get("services")
    if table is not None:
        yield from table.pairs()


def interpolate(text: str) -> str:
    """Put the defaults of variables in; one without stays as it is, and $$ is a dollar."""

    def value(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return match["other"] if (match["operator"] or "").endswith("-") else match[0]

    return VARIABLE.sub(value, text)


def duration(text: str) -> float | None:
    """Return the seconds of a compose duration such as 1m30s, None where it is none (compose wants a unit)."""
    parts = DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * UNITS_S[unit] for number, unit in parts)


def _value(node: "Node") -> Value:
    return Value(node, node.start_mark.line + 1, node.start_mark.column + 1)
