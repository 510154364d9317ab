"""A pair that is no copy costs little: what is dear is not begun when something cheap has spoken."""

import importlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.dedup.proof import Evidence, prove
from lookalike.dedup.proof.features import match, may_match
from lookalike.tests.dedup.proof import making
from lookalike.tests.dedup.proof.making import as_picture
from lookalike.tests.pictures import draw_photo

_ALIGN = importlib.import_module("lookalike.dedup.proof.align")
_PICTURE = importlib.import_module("lookalike.dedup.proof.picture")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the dear steps are taken: looking for features, measuring what an alignment leaves."""
    count: Counter[str] = Counter()

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            count[name] += 1
            return function(*arguments)

        return call

    for module, name in ((_PICTURE, "find_features"), (_ALIGN, "likeness")):
        monkeypatch.setattr(module, name, counted(name, getattr(module, name)))
    return count


def shelf(seed: int) -> Image.Image:
    """One product, always the same, before another wall and among other things."""
    scene = draw_photo(seed, 640, 480)
    scene.paste(draw_photo(1000, 200, 260), (40 + 30 * (seed % 5), 60))
    return scene


def test_features_of_a_photo_are_found_once_for_all_of_its_pairs(calls: Counter[str]) -> None:
    photos = [as_picture(shelf(seed)) for seed in range(6)]

    for a in photos:
        for b in photos:
            if a is not b:
                prove(a, b)

    # Once as it is, and once more as its mirror image where that is worth it.
    assert calls["find_features"] <= 2 * len(photos)


def test_what_no_copy_has_is_refused_before_it_is_measured(calls: Counter[str]) -> None:
    for seed in range(1, 5):
        assert prove(as_picture(shelf(0)), as_picture(shelf(seed))).verdict == "similar"
    assert calls["likeness"] == 0


def test_who_asks_of_one_pair_is_told_how_alike_it_is() -> None:
    a, b = as_picture(shelf(0)), as_picture(shelf(1))

    told, refused = prove(a, b, patient=True), prove(a, b)

    assert (told.verdict, refused.verdict) == ("similar", "similar")
    assert told.n_blocks > 0
    assert refused == Evidence.from_dict(refused.as_dict())
    assert prove(a, b, patient=True) == told


def test_a_sample_tells_whether_a_search_for_mirrored_features_is_worth_it() -> None:
    photos = [as_picture(draw_photo(seed)) for seed in range(12)]
    mirrored = [as_picture(mirrored_part(draw_photo(seed))) for seed in range(12)]

    of_the_same = [may_match(b.mirrored_sample, a.features) for a, b in zip(photos, mirrored, strict=True)]
    of_others = [may_match(b.mirrored_sample, a.features) for a in photos for b in mirrored[6:] if a != b]

    assert all(of_the_same)
    assert sum(of_others) < 0.6 * len(of_others)


def test_a_sample_of_mirrored_features_is_what_a_search_would_find() -> None:
    picture = as_picture(draw_photo(4))

    of_sample, of_all = match(picture.mirrored_sample, picture.mirrored_features)

    assert len(of_sample) > 0.6 * len(picture.mirrored_sample)
    away = picture.mirrored_sample.points[of_sample] - picture.mirrored_features.points[of_all]
    assert np.median(np.hypot(*away.T)) < 1.5


@pytest.mark.parametrize("seed", range(6))
def test_a_mirrored_part_is_still_found(seed: int) -> None:
    assert making.compare(draw_photo(seed), mirrored_part(draw_photo(seed))).verdict == "copy"


def mirrored_part(image: Image.Image) -> Image.Image:
    return making.turned(Image.Transpose.FLIP_LEFT_RIGHT)(making.cropped(0.8, 0.2, 0.3)(image))


@pytest.mark.parametrize("stretch", [0.75, 1.35])
def test_a_part_that_was_stretched_is_not_refused_early(stretch: float) -> None:
    original = draw_photo(3)
    part = making.cropped(0.6, 0.3, 0.4)(original)
    stretched = part.resize((round(part.width * stretch), part.height))

    assert making.compare(original, stretched).verdict == "copy"
