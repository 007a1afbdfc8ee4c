"""Layouts: HTML files with a front matter, read and checked. `factory/images/compose` renders them."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from factory.config.job_files import join_uri, read_job_text, split_uri
from factory.config.load import load_config
from factory.errors import JobError
from factory.images.layouts.check_html import check_markup
from factory.storage.store import Store
from schemas.base import digest
from schemas.creative import Slot
from schemas.layout import LayoutMeta, find_aspect

SUFFIX = ".html"
MAX_BYTES = 500_000
MAX_PROBLEMS = 20  # listed in one message

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}")
_FENCE = re.compile(r"---[ \t]*")


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout as it was read. `name` is the file's name without .html, `html` is what follows the front matter."""

    name: str
    meta: LayoutMeta
    html: str
    digest: str


def load_layouts(paths: Sequence[str], folder: str) -> tuple[Layout, ...]:
    """Return the layouts of files and folders of *.html named from `folder` (paths or s3://), sorted by name.

    Raises JobError for a layout with mistakes, naming file and line of each, for a name that is used twice, and for a path
    without layouts.
    """
    found: dict[str, tuple[str, Layout]] = {}
    for path in paths:
        for place, file in _list_files(join_uri(folder, path)):
            where = f"{place}/{file}".removeprefix(folder.rstrip("/") + "/")
            layout = read_layout(file.removesuffix(SUFFIX), read_job_text(place, file, MAX_BYTES, "layouts"), where)
            first, _ = found.setdefault(layout.name, (where, layout))
            if first != where:
                raise JobError(
                    f"{where}: the layout {layout.name} is also in {first}", "give one of them another name"
                )
    return tuple(layout for _, (_, layout) in sorted(found.items()))


def read_layout(name: str, text: str, where: str) -> Layout:
    """Return the layout of a file's text; `where` names the file in messages. Raises JobError that lists every mistake."""
    if not _NAME.fullmatch(name):
        raise JobError(f"{where}: {name[:60]!r} is no name for a layout", "use letters, digits, - and _")
    lines = text.replace("\r\n", "\n").split("\n")
    fences = [index for index, line in enumerate(lines) if _FENCE.fullmatch(line)][:2]
    if len(fences) < 2 or fences[0] != 0:
        raise JobError(
            f"{where} line 1: has no front matter",
            "start with a line ---, the keys of the layout (title, aspects, slots …), and a second line ---",
        )
    end = fences[1]
    # The empty line stands for the first ---, so that line numbers in messages are those of the file.
    meta = load_config(LayoutMeta, "\n".join(["", *lines[1:end]]), where)
    html = "\n".join(lines[end + 1 :])
    problems = check_markup(html, meta, line=end + 2)
    if problems:
        listed = [f"{where} line {line}: {what} ({fix})" for line, what, fix in problems[:MAX_PROBLEMS]]
        if len(problems) > MAX_PROBLEMS:
            listed.append(f"… and {len(problems) - MAX_PROBLEMS} more")
        raise JobError("\n".join(listed), "correct what is named above; nothing was started")
    return Layout(name, meta, html, digest([name, "\n".join(lines)]))


def choose_layouts(layouts: Sequence[Layout], slot: Slot, present: Collection[str], seed: int) -> list[Layout]:
    """Return the layouts for a picture slot: of its role and aspect class, and with everything that they need in `present`.

    The order is drawn from `seed`. It is the same for the same seed, and does not change when layouts are added or removed.
    """
    aspect = find_aspect(slot.width, slot.height)
    fitting = [
        layout
        for layout in layouts
        if layout.meta.role == slot.role and aspect in layout.meta.aspects and set(layout.meta.needs) <= set(present)
    ]
    return sorted(fitting, key=lambda layout: digest([seed, layout.name]))


def _list_files(uri: str) -> Iterator[tuple[str, str]]:
    """Folder and name of each layout file at `uri`, which is a file or a folder."""
    if uri.endswith(SUFFIX):
        yield split_uri(uri)
        return
    names = Store(uri, is_input=True).list_names()
    if names is None:
        raise JobError(f"layouts: there is no folder {uri}", f"name a folder of {SUFFIX} files, or such a file")
    files = [name for name in names if name.endswith(SUFFIX) and not name.startswith(".")]
    if not files:
        raise JobError(f"layouts: {uri} holds no {SUFFIX} file", "add one: see the layouts of the example job")
    yield from ((uri.rstrip("/"), name) for name in files)
