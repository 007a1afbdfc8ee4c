"""A brand kit made ready: its YAML, its logo's pixels and its fonts, with one digest of everything."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from factory.briefs.tones import fold_brand
from factory.config.job_files import read_job_file, read_job_text, split_uri
from factory.config.load import load_config
from factory.engines.base import Pixels
from factory.errors import JobError
from factory.images.brand.fonts import read_kit_files
from factory.images.brand.logo_file import decode_logo
from schemas.base import canonical_json
from schemas.brand import BrandKit
from schemas.locales import list_wider

MAX_KIT_BYTES = 1_000_000
MAX_LOGO_BYTES = 5_000_000

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, eq=False)
class Brand:
    """A kit with the files that it names. `logos` are RGBA: "light" for light grounds, "dark" for dark ones.

    There is no "dark" where the kit has no `on_dark`, and none at all without a logo. `folder` is where the kit's files are.
    `digest` covers kit, logo and font files, and is part of a creative's id.
    """

    kit: BrandKit
    folder: str
    logos: dict[str, Pixels]
    digest: str


def load_brands(uris: Sequence[str]) -> tuple[Brand, ...]:
    """Return the brands of kits at paths or s3://, in that order. Raises JobError as `load_brand`, and for a name twice."""
    brands = tuple(load_brand(uri) for uri in uris)
    seen: dict[str, str] = {}
    for uri, brand in zip(uris, brands, strict=True):
        first = seen.setdefault(fold_brand(brand.kit.name), uri)
        if first != uri:
            message = f"{uri}: name: {brand.kit.name!r} is also the name in {first}"
            raise JobError(message, "give each brand kit a name of its own: briefs are matched by it")
    return brands


def load_brand(uri: str) -> Brand:
    """Return the brand whose kit is the YAML file `uri`, a path or s3://, with all files that it names read and checked.

    Raises JobError that names file and line for a kit that is not valid, and that names the file for a logo or font that is
    missing, outside the kit's folder, too large or damaged.
    """
    folder, name = split_uri(uri)
    kit = load_config(BrandKit, read_job_text(folder, name, MAX_KIT_BYTES, "the brand kit"), uri)
    found = hashlib.blake2b(
        canonical_json(kit.model_dump(mode="json")).encode("utf-8", "surrogatepass"), digest_size=16
    )
    logos = {}
    if kit.logo is not None:
        for ground, file in (("light", kit.logo.on_light), ("dark", kit.logo.on_dark)):
            if file is not None:
                data = read_job_file(folder, file, MAX_LOGO_BYTES, f"{uri}: logo")
                logos[ground] = decode_logo(data, f"{uri}: logo {file}")
                found.update(hashlib.blake2b(data).digest())
    try:
        fonts = read_kit_files(kit.fonts, folder)
    except JobError as error:
        raise JobError(f"{uri}: {error.message}", error.hint) from error
    for data in fonts.values():
        found.update(hashlib.blake2b(data).digest())
    return Brand(kit, folder, logos, found.hexdigest())


def pick_brand(brands: Sequence[Brand], brief_brand: str) -> Brand:
    """Return the brand of that name, ignoring case and spaces; the first of `brands` (at least one) when none has it."""
    wanted = fold_brand(brief_brand)
    return next((brand for brand in brands if fold_brand(brand.kit.name) == wanted), brands[0])


def find_actions(kit: BrandKit, locale: str) -> list[str]:
    """Return the words for the button in `locale`, longest first; empty when the kit has none."""
    return sorted(_find_local(kit.actions, locale) or [], key=len, reverse=True)


def find_legal(kit: BrandKit, locale: str) -> str:
    """Return the legal line of every creative in `locale`; "" when the kit has none."""
    return _find_local(kit.legal, locale) or ""


def _find_local(values: Mapping[str, Value], locale: str) -> Value | None:
    """The value for the locale, else for a wider one (zh-Hant-TW, zh-Hant, zh), else for "default"."""
    return next((values[key] for key in (*list_wider(locale), "default") if key in values), None)
