#!/usr/bin/env bash
# tinycss2 1.5.1: parse_color of color4 and color5 raises ValueError for `color()`, where its documentation promises None.
#
# Documented: "Parse a color value ... :returns: None if the input is not a valid color value" (tinycss2.color4.parse_color).
# Seen: `lab()`, `rgb()` and `color(foo)` give None; `color()`, the function without arguments, raises
#   ValueError: not enough values to unpack (expected at least 1, got 0)
# in color4 and in color5, while color3 gives None. Who validates colours of others has to catch ValueError.
# Needs Python 3.11 or newer and access to a package index. Exits 1 when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tinycss2==1.5.1 webencodings==0.6.1
"$folder/venv/bin/python" - <<'PY'
from tinycss2 import color3, color4, color5


def look(module, text):
    try:
        return repr(module.parse_color(text))
    except ValueError as error:
        return f"ValueError: {error}"


expected = {"color3": "None", "color4": "ValueError", "color5": "ValueError"}
for module in (color3, color4, color5):
    name = module.__name__.rpartition(".")[2]
    for text in ("lab()", "rgb()", "color(foo)"):
        assert look(module, text) == "None", (name, text)
    found = look(module, "color()")
    print(f"{name}.parse_color('color()'): {found}")
    assert found.startswith(expected[name]), "the behaviour has changed"
PY
