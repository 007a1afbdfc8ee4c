"""CSS as the tokens of tinycss2, which splits it as a browser does: comments, strings and escapes hide nothing from it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import tinycss2

Node = Any  # a token of tinycss2, which has no types; blocks and functions hold further tokens

# Where a token keeps its name.
_NAMES = {
    "ident": "value",
    "function": "name",
    "hash": "value",
    "at-keyword": "value",
    "dimension": "unit",
    "literal": "value",
}


@dataclass(frozen=True, slots=True)
class Source:
    """CSS that was read: its lines, the number of the first one in its file, its tokens, whether all its blocks are closed."""

    lines: list[str]
    first: int
    tokens: list[Node]
    is_closed: bool

    def find_line(self, node: Node) -> int:
        """Return the line of the file that a token is in."""
        return self.first + int(node.source_line) - 1

    def read(self, node: Node, ends: str = "[;{}]") -> str:
        """Return the text from a token to the first match of `ends`, on one line of at most 60 characters."""
        rest, *more = self.lines[node.source_line - 1 : node.source_line + 2]
        text = "\n".join([rest[node.source_column - 1 :][:200], *(line[:200] for line in more)])
        return " ".join(re.split(ends, text)[0].split())[:60]

    def is_escaped(self, node: Node) -> bool:
        """Return whether the name that a token holds is written with a backslash."""
        name = "url" if node.type == "url" else getattr(node, _NAMES.get(node.type, ""), "")
        start = node.source_column - 1
        end = start + len(name) + (len(node.representation) if node.type == "dimension" else 1)
        return "\\" in self.lines[node.source_line - 1][start:end]


def read_css(css: str, line: int) -> Source:
    """Return CSS that starts in `line` of its file as tokens. Raises ValueError for a number of thousands of digits."""
    # tinycss2 closes what is open at the end and does not say so. It does say so of a brace that closes nothing: if the one
    # that is added here is not such a brace, something was open.
    text = re.sub(r"\r\n?|\f", "\n", css).replace("\0", "\ufffd") + "\n}"
    tokens = tinycss2.parse_component_value_list(text)
    is_closed = getattr(tokens[-1], "kind", "") == "}"
    return Source(text.split("\n"), line, tokens[:-1] if is_closed else tokens, is_closed)


def split_parts(nodes: Iterable[Node]) -> Iterator[tuple[list[Node], Node | None]]:
    """Give the parts between semicolons and {} blocks, each with the block that ends it; white space and comments left out."""
    part: list[Node] = []
    for node in nodes:
        if node == ";" or node.type == "{} block":
            yield drop_space(part), None if node == ";" else node
            part = []
        else:
            part.append(node)
    yield drop_space(part), None


def drop_space(nodes: Iterable[Node]) -> list[Node]:
    """Return the tokens without white space and comments."""
    return [node for node in nodes if node.type not in ("whitespace", "comment")]


def walk(nodes: Iterable[Node]) -> Iterator[Node]:
    """Give all tokens in order, those in blocks and functions too, but not what url("…") holds.

    Not by recursion: a hostile file may nest blocks deeper than Python's stack.
    """
    open_blocks = [iter(nodes)]
    while open_blocks:
        for node in open_blocks[-1]:
            yield node
            held = [] if is_url(node) else getattr(node, "content", None) or getattr(node, "arguments", None)
            if held:
                open_blocks.append(iter(held))
                break
        else:
            open_blocks.pop()


def is_url(node: Node) -> bool:
    """Return whether a token is url("…"), with quotes: without them it is a token of its own type."""
    return bool(node.type == "function" and node.lower_name == "url")
