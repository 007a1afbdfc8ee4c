"""Plain English names of colours, for prompts: a text-to-image model does not know hex codes."""

import colorsys

from factory.images.colors import Color

# Upper ends of hues in degrees, as people name them.
_HUES = (
    (14, "red"),
    (40, "orange"),
    (66, "yellow"),
    (95, "lime green"),
    (168, "green"),
    (190, "teal"),
    (215, "sky blue"),
    (255, "blue"),
    (290, "purple"),
    (330, "magenta"),
    (346, "pink"),
    (360, "red"),
)


def name_color(color: Color) -> str:
    """Return a name such as "dark green", "pale pink", "white"."""
    hue, light, rich = colorsys.rgb_to_hls(*(channel / 255 for channel in color))
    if light > 0.97:
        return "white"
    if light < 0.06:
        return "black"
    if rich * (1 - abs(2 * light - 1)) < 0.08:  # the difference between its channels
        return "light grey" if light > 0.7 else "dark grey" if light < 0.35 else "grey"
    name = next(name for end, name in _HUES if hue * 360 <= end)
    if name == "orange" and light < 0.35:
        return "brown"
    return f"pale {name}" if light > 0.8 else f"dark {name}" if light < 0.3 else name
