"""Medians and quantiles are those of numpy, which takes longer for small parts."""

import numpy as np
import pytest

from lookalike.dedup.look.robust import median, quantile, quantiles


@pytest.mark.parametrize("count", [1, 2, 3, 10, 999])
def test_medians_and_quantiles_are_those_of_numpy(count: int) -> None:
    values = np.random.default_rng(count).normal(0, 9, count).round(1).astype(np.float32)
    shares = np.array([0.0, 0.2, 0.5, 0.9, 1.0])

    assert median(values) == pytest.approx(np.median(values))
    assert [quantile(values, share) for share in shares] == pytest.approx(
        np.quantile(values, shares), abs=1e-5
    )
    assert quantiles(values, shares) == pytest.approx(np.quantile(values, shares), abs=1e-5)
