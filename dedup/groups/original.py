"""Which photo of a group was there first: what pairs prove of each other, and no guess beside it.

A pair alone may keep silent, as a copy with odd changes and its original do. The original precedes nearly
all the others, and the odd copy precedes none; so a group uses all its pairs.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...indexer.decode.sniff import RAW
from ...store.catalog.photos import Photo
from ...store.records import Holdings
from ..look import FLAG, Look, reversed_look
from ..proof import WHOLE, Evidence, FileFacts, classify, reversed_evidence
from .companions import Companion

PairKey = tuple[int, int]

# A longer side below this share of another's: nobody needs to look which of both came first.
_MUCH_SMALLER = 0.6
# By so much more of what only cameras write, a file is the camera's.
CAMERA_RECORD = 2
# What lies around a picture in a frame; a crop's other has no frame.
_NO_FRAME = 0.02
_ROUNDS = 4
# So many that nothing precedes are compared with all.
_MOST_UNBEATEN = 3
_WHOLE_WIN, _ASKED = 3, 4
_BEATEN_BY_ANOTHER = 5
# What cameras write.
_OF_CAMERAS = (RAW, "HEIF", "MPO", "JPEG")
# Changes that only saving, converting and resizing bring.
PLAIN = ("resaved", "resized", "converted")


def key_of(a: int, b: int) -> PairKey:
    """Return the pair as stores keep it."""
    return min(a, b), max(a, b)


@dataclass(frozen=True, slots=True)
class Maker:
    """What tells whether a camera made a file. record: for what only they write, and for a RAW beside."""

    format: str
    record: int

    @classmethod
    def of(cls, photo: Photo, holdings: Holdings | None, companions: Iterable[Companion]) -> "Maker":
        """Return what tells it of a photo. companions: of its files."""
        has_raw = any(each.kind == "raw" for each in companions)
        return cls(photo.format, _record(holdings) + CAMERA_RECORD * has_raw)


def in_doubt(look: Look, a: Maker, b: Maker) -> Look:
    """Return the look from a to b, without an order in which a program's file precedes a camera's.

    What was developed from a RAW is finer than the camera's JPEG of it, and predicts it but for the tones:
    neither was made from the other. A JPEG that was exported as it is can be computed without them. Nor
    is one RAW made from another, whatever their previews say.
    """
    first, later = (a, b) if look.relation == "a" else (b, a)
    by_program = first.format not in _OF_CAMERAS and later.format in _OF_CAMERAS
    is_cameras = later.record >= CAMERA_RECORD and (
        later.record - first.record >= CAMERA_RECORD or look.model == "tone"
    )
    are_previews = first.format == later.format == RAW
    if look.relation in ("a", "b") and ((by_program and is_cameras) or are_previews):
        return replace(look, relation="", how="", model="", is_whole=False, finer="")
    return look


def _record(holdings: Holdings | None) -> int:
    value = holdings.fields.get("camera_record", 0) if holdings else 0
    return value if isinstance(value, int) else 0


@dataclass
class Seen:
    """What is known of pairs: proofs and looks by ids, the smaller one first.

    holdings: of photos by id. first: of the photos that show the same pixels, the one that looks are taken
    at, by the ids of the others. maker: of a photo by id, None where that is not known. missing: pairs that
    were asked for and that nobody has looked at yet; True where more is wanted than who came first.
    """

    proofs: Mapping[PairKey, Evidence]
    looks: Mapping[PairKey, Look] = field(default_factory=dict)
    holdings: Mapping[int, Holdings] = field(default_factory=dict)
    first: Mapping[int, int] = field(default_factory=dict)
    maker: Callable[[int], Maker | None] = lambda _: None
    missing: dict[PairKey, bool] = field(default_factory=dict)

    def look(self, a: int, b: int, *, full: bool = False) -> Look | None:
        """Return the look from a to b; one that is missing is noted. full: a partial one will not do."""
        found = self.known_look(a, b)
        if (found is not None and not (full and found.is_partial)) or self._are_previews(a, b):
            return found
        pair = self._pair(a, b)
        self.missing[pair] = full or self.missing.get(pair, False)
        return None

    def known_look(self, a: int, b: int) -> Look | None:
        """Return the look from a to b where there is one."""
        pair = self._pair(a, b)
        if pair[0] == pair[1]:
            return _SAME
        found = self.looks.get(pair)
        if found is None:
            return None
        found = found if pair[0] == self.first.get(a, a) else reversed_look(found)
        first, second = self.maker(a), self.maker(b)
        return in_doubt(found, first, second) if first and second else found

    def _are_previews(self, a: int, b: int) -> bool:
        makers = self.maker(a), self.maker(b)
        return all(each is not None and each.format == RAW for each in makers)

    def _pair(self, a: int, b: int) -> PairKey:
        return key_of(self.first.get(a, a), self.first.get(b, b))

    def proof(self, a: int, b: int) -> Evidence | None:
        """Return the evidence of b as a copy of a."""
        found = self.proofs.get(key_of(a, b))
        return found if found is None or a < b else reversed_evidence(found)

    def record(self, photo: Photo) -> int:
        """Return how much a photo has of what only cameras write."""
        return _record(self.of(photo))

    def of(self, photo: Photo) -> Holdings:
        """Return what a photo holds; nothing beside the picture where that is not known."""
        return self.holdings.get(photo.id, _PLAIN)


_PLAIN = Holdings()
_SAME = Look("same", "exact", "same", is_whole=True)


def is_before(look: Look | None, more_record: int) -> int:
    """Return 1 if the first of two came first by strong evidence, -1 if the second, 0 if nothing tells.

    look: from the first to the second. more_record: by how much the first has more of a camera's record.
    """
    by_camera = (more_record >= CAMERA_RECORD) - (more_record <= -CAMERA_RECORD)
    if look is None or look.relation == "same":
        return by_camera
    # A flag that turns the same pixels is a camera's, or what somebody did to a picture without a record.
    if look.how == FLAG and more_record:
        return 1 if more_record > 0 else -1
    if look.relation:
        return 1 if look.relation == "a" else -1
    finer = {"a": 1, "b": -1}.get(look.finer, 0)
    return by_camera if by_camera and by_camera + finer else finer


@dataclass(frozen=True, slots=True)
class Origins:
    """ids: of the photos that were there first, all of the same pixels; none where nothing tells.

    precedes: ids of those that they precede. made: of these, those whose pixels say so. is_proven: the
    whole picture of one of them can be computed.
    """

    ids: frozenset[int] = frozenset()
    precedes: frozenset[int] = frozenset()
    made: frozenset[int] = frozenset()
    is_proven: bool = False

    @property
    def by_camera(self) -> bool:
        """Whether only a camera's record says so."""
        return bool(self.precedes) and not self.made


def origins(photos: Sequence[Photo], seen: Seen, rank: Callable[[Photo], object]) -> Origins:
    """Return the photos of a group that were there first.

    rank: what is larger for a photo that would be kept if nothing told: comparison begins there.
    """
    return _Contest(photos, seen, rank).result()


class _Contest:
    """That of one group; photos of the same pixels are one, the one with the most of a camera's record."""

    def __init__(self, photos: Sequence[Photo], seen: Seen, rank: Callable[[Photo], object]) -> None:
        self._seen = seen
        classes: dict[str, list[Photo]] = defaultdict(list)
        for photo in photos:
            classes[photo.pixel_digest].append(photo)
        self._same = {
            max(same, key=lambda p: (seen.record(p), rank(p), p.digest)): same for same in classes.values()
        }
        self._alike = alike(photos, seen)
        self._order = sorted(
            self._same, key=lambda photo: (self._likes(photo), rank(photo), photo.digest), reverse=True
        )

    def _likes(self, photo: Photo) -> int:
        return self._alike[photo.id]

    def result(self) -> Origins:
        king, beaten = self._rounds()
        if len(self._order) == 1:
            return Origins()
        king = self._with_most_copies(king, [each for each in self._order if each not in beaten])
        below = [each for each in self._order if each != king and self._before(king, each) > 0]
        looks = [self._looked(king, each) for each in below]
        if not any(map(_is_whole_win, looks)):
            # Edits that were made from it tell as well as plain copies do.
            for each in [each for each in self._order if each != king and each not in below][:_ASKED]:
                self._seen.look(king.id, each.id)
        if not below:
            return Origins()
        seen = zip(below, looks, strict=True)
        made = [each for each, look in seen if look is not None and look.relation == "a"]
        is_proven = any(map(_is_whole_win, looks))
        return Origins(self._ids([king]), self._ids(below), self._ids(made), is_proven)

    def _rounds(self) -> tuple[Photo, set[Photo]]:
        """Let who precedes the first one take its place, until nobody does."""
        king, beaten = self._order[0], set[Photo]()
        for _ in range(_ROUNDS):
            others = [each for each in self._order if each != king and each not in beaten]
            signs = {each: self._before(king, each) for each in others}
            beaten.update(each for each, sign in signs.items() if sign > 0)
            challengers = [each for each, sign in signs.items() if sign < 0]
            if not challengers:
                break
            beaten.add(king)
            king = challengers[0]
        return king, beaten

    def _with_most_copies(self, king: Photo, unbeaten: Sequence[Photo]) -> Photo:
        """Return the one of which most others were made, of those that nothing precedes."""
        rivals = [king, *(each for each in unbeaten if each != king and not self._is_minor(king, each))]
        rivals = rivals[:_MOST_UNBEATEN]
        # What somebody's whole picture was made from needs no contest: the rest are odd copies.
        known = (self._known(king, each) for each in self._order if each != king)
        if len(rivals) == 1 or any(map(_is_whole_win, known)):
            return king
        wins = {each: self._wins(each, rivals) for each in rivals}
        # Edits saved finely come first by their rank; what they were made from may stand behind them.
        behind = [each for each in self._order[:_ASKED] if each not in rivals and self._made(each, rivals)]
        wins |= {each: self._wins(each, rivals) for each in behind}
        rivals += behind
        return max(rivals, key=lambda each: (wins[each], each == king))

    def _wins(self, photo: Photo, rivals: Sequence[Photo]) -> int:
        """Count whom a photo precedes of its rivals and the likeliest others; whole pictures count more."""
        wins = 0
        for other in dict.fromkeys([*rivals, *self._order[:_ASKED]]):
            if other != photo:
                look = self._seen.look(photo.id, other.id)
                sign = is_before(look, self._more(photo, other))
                wins += sign * (_WHOLE_WIN if _is_whole_win(look) else 1)
                wins -= _BEATEN_BY_ANOTHER * (sign < 0 and other in rivals)
        return wins

    def _made(self, photo: Photo, rivals: Sequence[Photo]) -> bool:
        """Tell whether one of the rivals is known to be made from a photo."""
        looks = (self._known(photo, each) for each in rivals)
        return any(look is not None and look.relation == "a" for look in looks)

    def _is_minor(self, king: Photo, other: Photo) -> bool:
        """Tell whether the other is no rival: much smaller, a part of this one, or a lone edit of it."""
        if self._seen.record(other) >= CAMERA_RECORD:
            return False
        sides = [max(photo.width, photo.height) for photo in (king, other)]
        if sides[1] < _MUCH_SMALLER * sides[0] or 2 * self._likes(other) < self._likes(king):
            return True
        proof = self._seen.proof(king.id, other.id)
        return (
            proof is not None
            and proof.overlap_a < WHOLE <= proof.overlap_b
            and proof.surround_a < _NO_FRAME
        )

    def _before(self, a: Photo, b: Photo) -> int:
        return is_before(self._looked(a, b), self._more(a, b))

    def _more(self, a: Photo, b: Photo) -> int:
        return self._seen.record(a) - self._seen.record(b)

    def _looked(self, king: Photo, other: Photo) -> Look | None:
        """Return the look at two; of one that is no rival only what is known anyway."""
        ask = self._seen.known_look if self._is_minor(king, other) else self._seen.look
        return ask(king.id, other.id)

    def _known(self, a: Photo, b: Photo) -> Look | None:
        return self._seen.known_look(a.id, b.id)

    def _ids(self, photos: Iterable[Photo]) -> frozenset[int]:
        return frozenset(same.id for photo in photos for same in self._same[photo])


def _is_whole_win(look: Look | None) -> bool:
    """Tell whether the whole second picture can be computed from the first one, and not the reverse."""
    return look is not None and look.relation == "a" and look.is_whole and look.how != FLAG


def alike(photos: Sequence[Photo], seen: Seen) -> dict[int, int]:
    """Return of each photo, by id, how many others of the group show the same frame in the same light.

    By the proofs, as thumbnails tell: an edit shares its light and its frame with hardly any other.
    """
    counts = {photo.id: 0 for photo in photos}
    for a, b in itertools.combinations(photos, 2):
        proof = seen.proof(a.id, b.id)
        is_plain = proof is not None and classify(proof, facts_of(a), facts_of(b)) in PLAIN
        if is_plain or a.pixel_digest == b.pixel_digest:
            counts[a.id] += 1
            counts[b.id] += 1
    return counts


def facts_of(photo: Photo) -> FileFacts:
    """Return what the proof wants to know of a photo."""
    # A multi-picture file shows the JPEG that it begins with.
    shown = "JPEG" if photo.format == "MPO" else photo.format
    return FileFacts(photo.width, photo.height, shown, photo.size)
