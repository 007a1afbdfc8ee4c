"""What a text comes to: ids that everything decides, and main pictures as large as their product fills them."""

import numpy as np
import pytest

from factory.images.tasks import fit_main, keep_chosen, keep_new, make_work
from factory.images.types import Cutout
from schemas.creative import Slot
from schemas.outcome import Candidate
from tests.support.builders import make_request

SLOT = Slot(name="main_image", role="main", width=1600, height=1600, least=0.625, formats=["jpg"])


def make_cutout(side: int) -> Cutout:
    return Cutout(np.zeros((side, side // 2, 4), np.uint8), "cutout", 1.0, "0" * 64, "a.png")


@pytest.mark.parametrize(("side", "width"), [(2000, 1600), (700, 1167), (600, 1000), (300, 1000)])
def test_a_small_photo_fills_a_smaller_main_picture(side: int, width: int) -> None:
    slot = fit_main(SLOT, make_cutout(side))
    assert (slot.width, slot.height) == (width, width)


def test_other_pictures_keep_their_size() -> None:
    creative = SLOT.change(role="creative")
    assert fit_main(creative, make_cutout(300)) == creative
    assert fit_main(SLOT, None) == SLOT


def test_an_id_has_everything_that_decides_the_creative() -> None:
    request, asset = make_request(), Candidate(index=0, fields={"headline": ["One"]}, rank=1)
    base = make_work(request, asset, [SLOT], "setup", 7)
    known = {base.tasks[0].creative_id}
    other_picture = request.change(brief=request.brief.change(image_uri="b.png"))
    for work in (
        make_work(other_picture, asset, [SLOT], "setup", 7),
        make_work(request, asset.change(fields={"headline": ["Two"]}), [SLOT], "setup", 7),
        make_work(request, asset.change(rank=2), [SLOT], "setup", 7),
        make_work(request, asset, [SLOT.change(name="other")], "setup", 7),
        make_work(request, asset, [SLOT], "another setup", 7),
    ):
        known.add(work.tasks[0].creative_id)
    assert len(known) == 6
    assert make_work(request, asset, [SLOT], "setup", 7) == base
    assert make_work(request, asset, [SLOT], "setup", 8).tasks[0].seed != base.tasks[0].seed, "the job's seed counts"


def test_what_is_tried_again_stands_alone() -> None:
    slots = [SLOT.change(name=name) for name in ("a", "b", "c")]
    work = make_work(make_request(), Candidate(index=0, rank=1), slots, "setup", 7)
    first, second, third = (task.creative_id for task in work.tasks)
    assert [task.creative_id for task in keep_new(work, [True, False, False]).tasks] == [second, third]
    again = keep_chosen(work, {first: (0, 1), third: (1, 2)})
    assert [[task.creative_id for task in each.tasks] for each in again] == [[first], [third]]
    assert [each.tries for each in again] == [{first: (0, 1)}, {third: (1, 2)}]
