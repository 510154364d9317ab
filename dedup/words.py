"""What was done to a copy, in words that know formats and bytes as well as pixels."""

from ..store.listing import Photo
from .proof import Evidence, Facts, classify, describe
from .proof.difference import MOST_PLACES

# The branch of a pair that is a copy because the user said so.
CONFIRMED = "confirmed"


def transform_in_words(evidence: Evidence, kept: Photo, other: Photo) -> str:
    """Return how the other photo was made from the kept one: "cropped to 82 %, converted to WEBP"."""
    if evidence.branch == CONFIRMED:
        return "confirmed by you"
    if kept.pixel_digest == other.pixel_digest:
        return "same pixels, other metadata"
    words = describe(evidence, facts(kept), facts(other))
    if kept.format != other.format:
        words = f"{words}, converted to {other.format}" if words else f"converted to {other.format}"
    words = words or "re-saved"
    return f"{words}, a page{_places(len(evidence.differs))}" if evidence.page else words


def _places(count: int) -> str:
    """Return what to look at on a page; also nothing seen in a thumbnail may be something in the text."""
    if not count:
        return ": look before you choose"
    many = "many places differ" if count >= MOST_PLACES else f"{count} places differ"
    return f": {'1 place differs' if count == 1 else many}, look before you choose"


def change_in_a_word(evidence: Evidence, kept: Photo, other: Photo) -> str:
    """Return the change in one word for scripts: what `proof.classify` says, "confirmed" or "metadata"."""
    if evidence.branch == CONFIRMED:
        return CONFIRMED
    if kept.pixel_digest == other.pixel_digest:
        return "metadata"
    return classify(evidence, facts(kept), facts(other))


def facts(photo: Photo) -> Facts:
    """Return what the proof wants to know of a photo."""
    return Facts(photo.width, photo.height, photo.format, photo.size)
