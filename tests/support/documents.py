"""The project's documents as data: fenced blocks, commands, paths, links and settings, each with the place it stands in."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block. `place` is "file:line", for messages."""

    place: str
    language: str
    text: str


@dataclass(frozen=True)
class Command:
    """One command of a shell block, split into words as a shell does."""

    place: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.place} {' '.join(self.words)[:60]}"


def list_blocks(*languages: str) -> list[Block]:
    """Every fenced block of all documents, or those in some languages."""
    blocks = []
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            place = f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}"
            blocks.append(Block(place, match[2], textwrap.dedent(match[3])))
    return [block for block in blocks if not languages or block.language in languages]


def list_commands() -> list[Command]:
    """Every command in the shell blocks of all documents."""
    return [Command(block.place, words) for block in list_blocks("sh") for words in split_commands(block.text)]


def split_commands(text: str) -> Iterator[tuple[str, ...]]:
    """Yield the words of each command; one in quotes may go on over several lines, comments are left out."""
    pending = ""
    for line in text.splitlines():
        pending = f"{pending} {line.strip()}".strip()
        try:
            words = shlex.split(pending, comments=True)
        except ValueError:  # a quote is still open
            continue
        if words:
            yield tuple(words)
        pending = ""
    assert not pending, f"a quote is never closed: {pending}"


def read_prose(path: Path) -> str:
    """A document without its fenced blocks."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def list_code(path: Path) -> list[str]:
    """Every `inline code` of a document."""
    return _CODE.findall(read_prose(path))


def list_links(path: Path) -> list[str]:
    """The targets of a document's links and pictures."""
    return _LINK.findall(read_prose(path))


def list_anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    titles = _HEADING.findall(read_prose(path))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
