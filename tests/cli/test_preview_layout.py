"""`factory preview-layout`: what it draws, what it says about it, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from factory.cli.layout_sheet.choose import SIZES, choose
from factory.cli.layout_sheet.contents import CONTENTS
from factory.cli.layout_sheet.draw import draw_sheet, make_thumbnail
from factory.engines.base import Pixels
from tests.support.commands import call_here
from tests.support.jobs import check_message
from tests.support.paths import LAYOUTS

PLAIN = LAYOUTS / "plain.html"


def make_picture(color: tuple[int, int, int], width: int = 800, height: int = 400) -> Pixels:
    return np.full((height, width, 3), color, np.uint8)


def test_it_draws_every_size_and_content_and_one_sheet(tmp_path: Path) -> None:
    asked = ["--size", "300x250", "--size", "728x90", "--size", "600x600", "--content", "short", "--content", "german"]
    ended = call_here("preview-layout", PLAIN, "--out", tmp_path / "drawn", *asked, "--json")
    assert ended.code == 0, ended.err
    names = [f"plain-{size}-{text}-light" for size in ("300x250", "600x600") for text in ("short", "german")]
    assert [made["name"] for made in ended.data["layouts"][0]["previews"]] == names
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == sorted(
        [*(f"{name}.png" for name in names), "plain-sheet.png"]
    )
    with Image.open(tmp_path / "drawn" / f"{names[0]}.png") as picture:
        assert (picture.size, picture.mode) == ((300, 250), "RGB")
    assert ended.out.startswith("plain: not drawn in 728x90: its aspects are square,")
    assert all(f"\n{name}: fit=" in ended.out for name in names)
    assert f"\n{tmp_path}/drawn/plain-sheet.png\n" in ended.out


def test_it_says_what_is_wrong_with_a_layout(tmp_path: Path) -> None:
    text = PLAIN.read_text(encoding="utf-8")
    faulty = tmp_path / "faulty.html"
    faulty.write_text(text.replace("background:var(--panel)", "background:rgba(0,0,0,.8)"), encoding="utf-8")
    asked = ["--size", "600x600", "--size", "40x40", "--json"]
    ended = call_here("preview-layout", faulty, "--out", tmp_path / "drawn", *asked)
    assert ended.code == 0, ended.err
    whole, tiny = ended.data["layouts"][0]["previews"]
    assert not tiny["drawn"]
    assert tiny["note"].startswith("NOT DRAWN copy_too_long: ")
    assert whole["drawn"]
    assert [fault for fault in whole["faults"] if "headline" in fault], "dark text on a dark panel"
    assert all(f"\n    FAILS {fault}\n" in ended.out for fault in whole["faults"])
    assert not (tmp_path / "drawn" / f"{tiny['name']}.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "300"], ("--size '300'", "1200x628")),
        (["--size", "300x0"], ("--size '300x0'",)),
        (["--size", "10000x100"], ("--size '10000x100'",)),
        (["--size", "100x10000"], ("--size '100x10000'",)),
        (["--content", "shirt"], ("--content 'shirt'", "did you mean short?", "no-picture")),
        (["--colorway", "pink"], ("--colorway 'pink'", "light")),
    ],
)
def test_arguments_that_mean_nothing_are_refused_before_anything_is_drawn(
    arguments: list[str], words: tuple[str, ...], tmp_path: Path
) -> None:
    check_message(call_here("preview-layout", PLAIN, "--out", tmp_path / "drawn", *arguments), 2, *words)
    assert not (tmp_path / "drawn").exists()


def test_a_broken_layout_is_refused_by_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text("<p>", encoding="utf-8")
    check_message(call_here("preview-layout", tmp_path / "bad.html"), 2, "bad.html line 1", "front matter")
    check_message(call_here("preview-layout", tmp_path / "none.html"), 2, "none.html")


def test_help_names_every_content() -> None:
    said = " ".join(call_here("preview-layout", "--help").out.split())
    assert f"{', '.join(CONTENTS)}, or all" in said


def test_without_a_choice_it_takes_the_common_sizes_and_one_content_and_colourway() -> None:
    chosen = choose([], [], [])
    assert [f"{width}x{height}" for width, height in chosen.sizes] == list(SIZES)
    assert list(chosen.contents) == ["short"]
    assert [each.name for each in chosen.colorways] == ["light"]


def test_all_takes_every_content_and_colourway() -> None:
    chosen = choose(["300x250", "300x250"], ["card", "all"], ["all"])
    assert chosen.sizes == [(300, 250)]
    assert dict(chosen.contents) == CONTENTS
    assert {"light", "dark"} < {each.name for each in chosen.colorways}


def test_a_sheet_shows_every_picture_in_its_own_cell() -> None:
    colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)]
    sheet = draw_sheet({f"name {color}": make_thumbnail(make_picture(color)) for color in colors})
    for color in colors:
        assert (sheet == color).all(axis=2).sum() == 400 * 200
    rows = [np.flatnonzero((sheet == color).all(axis=2).any(axis=1)) for color in colors]
    assert rows[0][0] == rows[2][0]
    assert rows[3][0] > rows[0][-1], "the fourth starts a second row"
