"""Whether a picture is a page, where one line matters more than all the rest."""

import numpy as np
import numpy.typing as npt

from .planes import Grey

# A page has one even ground: this share of the pixels lies within so many levels of the commonest.
_GROUND = 0.5
_LEVELS = 10
# And hardly any color: mean difference of the channels from grey, in levels.
_COLORLESS = 12.0
# Or a ground as even as only a program paints it, whatever its color: slides, chats, dark screens.
_PAINTED_LEVELS = 2


def is_page(grey: Grey, color: Grey) -> bool:
    """Return whether this looks like a document, a screen full of text or a near-blank picture.

    grey: (h, w), color: (h', w', 3) RGB of the same picture.
    """
    counts = np.bincount(grey.ravel(), minlength=256)
    if _most_around(counts, _LEVELS) < _GROUND * grey.size:
        return False
    if _most_around(counts, _PAINTED_LEVELS) >= _GROUND * grey.size:
        return True
    levels = color.astype(np.float32)
    return float(np.abs(levels - levels.mean(2, keepdims=True)).mean()) < _COLORLESS


def _most_around(counts: npt.NDArray[np.int64], levels: int) -> int:
    """Return how many pixels lie within so many levels of the commonest."""
    return int(np.convolve(counts, np.ones(2 * levels + 1, np.int64), "same").max())
