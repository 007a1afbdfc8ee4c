"""How small a text may be set, and how large a picture is shown, which decides it. Fitting keeps to it, a check judges it."""

# Least sizes in CSS pixels where the picture is shown. No channel publishes one. EU law on food labels (1169/2011, Article
# 13) asks for an x-height of 0.9 mm on small packs: 6 px in a common typeface. A legal line may be four fifths of that.
# Banners are shown by themselves, on any screen: 9 px there.
LEAST_PX, LEAST_LEGAL_PX, LEAST_BANNER_PX = 6.0, 4.8, 9.0
BANNER_AREA = 320_000  # pixels up to which a picture is a banner, which is shown at its own size
SHOWN_WIDE, SHOWN_NARROW = 500, 390  # CSS pixels: a landscape picture in a feed, any other across a phone


def find_least_px(width: int, height: int, slot: str) -> float:
    """Return the least size of a slot's text in a picture of `width` x `height`, in pixels of the picture."""
    if _is_banner(width, height):
        return LEAST_BANNER_PX
    return (LEAST_LEGAL_PX if slot == "legal" else LEAST_PX) * find_scale(width, height)


def find_scale(width: int, height: int) -> float:
    """Return how many pixels of a picture are one CSS pixel where it is shown: 1 for banners."""
    if _is_banner(width, height):
        return 1.0
    return max(1.0, width / (SHOWN_WIDE if width > height * 1.25 else SHOWN_NARROW))


def _is_banner(width: int, height: int) -> bool:
    return width * height <= BANNER_AREA
