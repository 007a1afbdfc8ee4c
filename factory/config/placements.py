"""Placement files become placements: the built-in ones, and those of a job's folders, which overrule them by id."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from factory.config.load import find_line, load_config
from factory.errors import JobError
from schemas.placement import Placement, TextField

SUFFIXES = (".yaml", ".yml")
# What a text model is asked for where it writes the prompts of backdrops: one more field, within the same checks.
IMAGE_PROMPT = TextField(
    name="image_prompt",
    max=240,
    unique=False,
    guidance="One plain sentence that describes a photographic background for this product: place, light, surface, mood. "
    "No product, no people, no words or letters in the picture.",
)
# Keys of a brief that hold one text, to be used word for word.
TEXT_KEYS = (
    "brand",
    "brief_id",
    "campaign_id",
    "category",
    "description",
    "disclaimer",
    "image_uri",
    "product_name",
    "url",
)


def load_placements(folders: Sequence[Path] = ()) -> dict[str, Placement]:
    """Return every placement by id, sorted: the built-in ones, then those in `folders`; the last file of an id counts.

    A folder that does not exist holds none. Raises JobError naming file, key and line: for a file that is not valid,
    an id that is not the file's name, a source that is no text of a brief, and a folder that has one id twice.
    """
    found = dict(_load_built_in())
    for folder in folders:
        own: dict[str, Path] = {}
        for path in _list_files(folder):
            placement = _read(path.stem, _read_text(path), str(path))
            if placement.id in own:
                raise JobError(f"{path}: the placement {placement.id} is also in {own[placement.id].name}", "keep one")
            own[placement.id] = path
            found[placement.id] = placement
    return dict(sorted(found.items()))


def ask_image_prompts(placements: Sequence[Placement]) -> list[Placement]:
    """Return the placements with IMAGE_PROMPT as one more field of those that have picture slots."""
    own = IMAGE_PROMPT.model_dump()
    return [
        Placement.model_validate(placement.model_dump() | {"fields": [*placement.model_dump()["fields"], own]})
        if placement.image_slots
        else placement
        for placement in placements
    ]


def get_placements(names: Sequence[str], available: Mapping[str, Placement]) -> list[Placement]:
    """Return the placements called `names`, in that order and each once. Raises JobError naming all unknown ones."""
    problems = []
    for name in dict.fromkeys(names):
        if name not in available:
            near = difflib.get_close_matches(name, available, n=3, cutoff=0.5)
            near = near or [key for key in available if name and name in key][:3]
            meant = f"; did you mean {' or '.join(near)}?" if near else ""
            problems.append(f"unknown placement {name[:60]!r}{meant}")
    if problems:
        hint = f"choose from {', '.join(available)}; or add a file for it to the job's placements folder"
        raise JobError("\n".join(problems), hint)
    return [available[name] for name in dict.fromkeys(names)]


@cache
def _load_built_in() -> dict[str, Placement]:
    folder = files("schemas").joinpath("placements")
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(SUFFIXES))
    placements = [
        _read(name.rsplit(".", 1)[0], folder.joinpath(name).read_text(encoding="utf-8"), name) for name in names
    ]
    return {placement.id: placement for placement in placements}


def _list_files(folder: Path) -> Iterator[Path]:
    if folder.exists() and not folder.is_dir():
        raise JobError(f"{folder} is a file, not a folder of placements", "name the folder that holds the YAML files")
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return (path for path in paths if path.suffix in SUFFIXES and not path.name.startswith("."))


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise JobError(f"{path}: is not UTF-8 text (byte {error.start})", "save the file as UTF-8") from error
    except OSError as error:
        raise JobError(f"{path}: cannot be read: {error.strerror}", "check that you may read it") from error


def _read(stem: str, text: str, where: str) -> Placement:
    placement = load_config(Placement, text, where)
    if placement.id != stem:
        raise JobError(
            f"{where} line {find_line(text, ['id'])}: id: {placement.id!r} is not the file's name {stem!r}",
            "give the file and the placement one name",
        )
    for index, field in enumerate(placement.fields):
        if field.source != "model" and field.source.removeprefix("brief.") not in TEXT_KEYS:
            line = find_line(text, ["fields", index, "source"])
            raise JobError(
                f"{where} line {line}: fields[{index}].source: {field.source!r} is no text of a brief",
                f"write model, or one of {', '.join(f'brief.{key}' for key in TEXT_KEYS)}",
            )
    return placement
