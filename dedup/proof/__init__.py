"""Prove that two photos are copies of one picture, from their thumbnails alone.

>>> evidence = prove(Picture.from_thumbnail(...), Picture.from_thumbnail(...))     # doctest: +SKIP
>>> evidence.verdict, describe(evidence, facts_of_a, facts_of_b)     # doctest: +SKIP
('copy', 'cropped to 82 %, smaller (640x480)')
"""

from .differences import differing_blocks
from .evidence import VERIFIER_VERSION, Evidence
from .picture import Picture
from .prove import prove, reversed_evidence
from .rule import is_straight
from .transform import GREY_SATURATION, WHOLE, FileFacts, classify, describe, details_differ

__all__ = [
    "GREY_SATURATION",
    "VERIFIER_VERSION",
    "WHOLE",
    "Evidence",
    "FileFacts",
    "Picture",
    "classify",
    "describe",
    "details_differ",
    "differing_blocks",
    "is_straight",
    "prove",
    "reversed_evidence",
]
