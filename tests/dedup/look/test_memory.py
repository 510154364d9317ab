"""A look that memory ran out for says nothing of the pictures: it is taken again."""

from pathlib import Path

import pytest

from lookalike.dedup.look import look_job
from lookalike.library import Library
from lookalike.tests.children import run_child
from lookalike.tests.indexer.indexing import run
from lookalike.tests.pictures import draw_photo, save

# Prints why a look failed whose memory was taken away, and what OpenCV was made to say.
LOOK = """
import os, resource
from io import BytesIO
import numpy as np
from lookalike.dedup.look import look_job, second_look
from lookalike.tests.pictures import draw_photo

picture = draw_photo(1, 320, 240).resize((4000, 3000))
out = BytesIO()
picture.save(out, "JPEG", quality=95)
files = {0: out.getvalue(), 1: out.getvalue()}
pixels = np.asarray(picture)
other = pixels.copy()

with open("/proc/self/statm") as statm:
    now = int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
resource.setrlimit(resource.RLIMIT_AS, (now + (8 << 20), resource.RLIM_INFINITY))
taken = []
try:
    while True:
        taken.append(np.empty(1 << 20, np.uint8))
except MemoryError:
    del taken[-3:]
(look,) = look_job.take_looks([look_job.PairToSee(0, 1, (1, 0, 0, 0, 1, 0, 0, 0, 1))], files)
print(look.failed)
try:
    print(second_look.second_look(pixels, other, np.eye(3), 2, 1))
except MemoryError as error:
    print(type(error.__cause__).__name__)
"""


def test_that_memory_ran_out_is_told_from_other_failures() -> None:
    found = run_child(LOOK)
    assert found.stdout.splitlines() == [look_job.NO_MEMORY, "error"], found.stderr


def test_a_look_that_memory_ran_out_for_is_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, quality in (("a", 95), ("b", 60)):
        save(tmp_path / "photos" / f"{name}.jpg", draw_photo(1, 320, 240), quality=quality)

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    with Library.open(tmp_path / "store", create=True) as library:
        run(library, tmp_path / "photos")
        with monkeypatch.context() as short:
            short.setattr(look_job, "look_at", fail)
            (group,) = library.copies.find().groups
            (member,) = group.members
            assert look_job.NO_MEMORY in str(member.losses)
            assert not member.selected
        (group,) = library.copies.find().groups
        look = group.members[0].look
        assert look is not None
        assert look.failed == ""
