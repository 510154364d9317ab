"""Whether a picture is a page, where one line matters more than all the rest."""

import numpy as np

from .planes import Grey

# A page has one even ground: this share of the pixels lies within so many levels of the commonest.
_GROUND = 0.5
_LEVELS = 10
# And hardly any color: mean difference of the channels from grey, in levels.
_COLORLESS = 12.0


def is_page(grey: Grey, color: Grey) -> bool:
    """Return whether this looks like a document, a screen full of text or a near-blank picture.

    grey: (h, w), color: (h', w', 3) RGB of the same picture.
    """
    counts = np.bincount(grey.ravel(), minlength=256)
    around = np.convolve(counts, np.ones(2 * _LEVELS + 1, np.int64), "same")
    if around.max() < _GROUND * grey.size:
        return False
    levels = color.astype(np.float32)
    return float(np.abs(levels - levels.mean(2, keepdims=True)).mean()) < _COLORLESS
