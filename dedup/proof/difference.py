"""Where two aligned pictures differ, for people who look: a stamp, a line of text, somebody who left."""

import numpy as np

from .evidence import Evidence
from .measure import BLOCK, compare_blocks
from .picture import Picture
from .planes import warp

Box = tuple[float, float, float, float]


def differing_blocks(a: Picture, b: Picture, evidence: Evidence) -> list[Box]:
    """Return the blocks of a that b shows differently: x, y, width, height as shares of a, row by row.

    Looked at in the whole thumbnail, twice as closely as the proof does: a changed word is a small thing.
    Blocks that overlap are all given. Empty when no map was found.
    """
    if evidence.how == "none":
        return []
    width, height = a.sheet.size
    matrix = np.array(evidence.matrix).reshape(3, 3)
    ones = np.ones((b.sheet.size[1], b.sheet.size[0]), np.float32)
    cover = np.asarray(warp(ones, matrix, width, height) > 0.99, np.bool_)
    shown = warp(b.sheet.grey.astype(np.float32), matrix, width, height)
    differ = compare_blocks(a.sheet.grey.astype(np.float32), shown, cover).differ
    step = BLOCK // 2
    return [
        (step * int(x) / width, step * int(y) / height, BLOCK / width, BLOCK / height)
        for y, x in zip(*np.nonzero(differ), strict=True)
    ]
