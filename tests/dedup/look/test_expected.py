"""What is left in the windows of a plane, against what is to be expected there."""

import numpy as np
import pytest

from lookalike.dedup.look.expected import LUMA_LIMITS, Channel, scores


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("seed", [0, 2, 5, 15, 17])
def test_rows_of_text_on_white_leave_no_energy_below_nothing(seed: int) -> None:
    energy = np.zeros((292, 135), np.float32)
    rng = np.random.default_rng(seed)
    for row in range(8, 280, 9):  # lines of text
        energy[row : row + 4, 6:120] = rng.random((4, 114), np.float32) ** 2 * 57_000
    blank = np.zeros_like(energy)
    channel = Channel(np.sqrt(energy), energy, blank, blank, energy, blank, step=0.1, misfit=0.0)

    found = [plane for _, plane in scores(channel, LUMA_LIMITS)]

    assert len(found) == len(LUMA_LIMITS)
    assert all(np.isfinite(plane).all() for plane in found)
