"""The tone of a brand's kit for briefs that name none. Plain data: what reads briefs needs no pictures or fonts for it."""

from collections.abc import Iterable, Mapping

from schemas.brand import BrandKit


def fold_brand(name: str) -> str:
    """Return a brand's name as it is compared: capitals and spaces aside."""
    return " ".join(name.split()).casefold()


def list_tones(kits: Iterable[BrandKit]) -> dict[str, str]:
    """Return the tone of each kit by the folded name of its brand, "" for every other brand; empty when no kit has a tone."""
    own = list(kits)
    tones = {fold_brand(kit.name): kit.tone for kit in own}
    if own:
        tones[""] = own[0].tone
    return tones if any(tones.values()) else {}


def pick_tone(tones: Mapping[str, str], brand: str) -> str:
    """Return the tone for a brief's brand, from the kit that its pictures are made with; "" without one."""
    return tones.get(fold_brand(brand), tones.get("", ""))
