"""The quantization tables of a JPEG in a short form: by them one tells who saved it, and how well."""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from blake3 import blake3

# The tables of ITU T.81, annex K, row by row, which libjpeg scales by its quality.
_LUMA = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    *(17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99, *[99] * 32),
)

Table = tuple[int, ...]


def tables_in_short(tables: Mapping[int, Sequence[int]]) -> str:
    """Return "q85" for libjpeg's tables of that quality, else "~85 1a2b3c4d": an estimate and a hash.

    tables: by their numbers, 64 steps each, row by row. "" where there are none.
    """
    found = [tuple(tables[number]) for number in sorted(tables)]
    if not found or any(len(table) != 64 for table in found):
        return ""
    qualities = [_standard(n > 0).get(table, set()) for n, table in enumerate(found)]
    common = set.intersection(*qualities)
    if common:
        return f"q{max(common)}"
    content = b"".join(step.to_bytes(2, "big") for table in found for step in table)
    return f"~{_estimate(found[0])} {blake3(content).hexdigest(4)}"


@cache
def _standard(is_chroma: bool) -> dict[Table, set[int]]:
    """Return the qualities that have each of libjpeg's tables."""
    base = np.array(_CHROMA if is_chroma else _LUMA)
    found: dict[Table, set[int]] = {}
    for quality in range(1, 101):
        found.setdefault(tuple(_scaled(base, quality).tolist()), set()).add(quality)
    return found


def _scaled(base: npt.NDArray[np.int_], quality: int) -> npt.NDArray[np.int_]:
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return np.clip((base * scale + 50) // 100, 1, 255)


def _estimate(luma: Table) -> int:
    """Return the quality whose steps are as large in the middle."""
    scale = 100 * sum(luma) / sum(_LUMA)
    return round(max(1.0, 5000 / scale if scale > 100 else 100 - scale / 2))
