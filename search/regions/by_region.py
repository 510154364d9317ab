"""Search for a part of a picture: by its own embedding, and by where it comes up in the local maps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...errors import DecodeError, UsageError
from ...indexer.embed.embedder import Embedder
from ...indexer.embed.preprocess import InputRule, Pixels
from ...indexer.outside import OutsideReader, Source
from ...indexer.sandbox.decoders import OPENED_AT_HOME, Opener, open_picture
from ...store.catalog.embeddings import raw_vectors, units_of
from ...store.catalog.local_maps import MapsOfShape, read_maps
from ...store.catalog.photos import Photo, photos_of, visible_ids
from ...store.index.exact import Ids
from ...store.index.search import nearest_photos
from ...store.records import MAX_ID, Cells, Vectors, unit_vectors
from ...store.view import View
from ..answers import Answer
from ..collapse import Ranked, collapse
from ..examples import Example, Query, given
from ..order import in_order
from ..rerank import LocalGraph
from ..session import Session
from .boxes import WHOLE, Box, RequestedBox
from .windows import Window, chosen, glance, look

# The part is embedded at these shares of the input size: nobody knows how large it is in the other photos.
_SHARES = (0.375, 0.5, 0.625, 0.75, 1.0)
# At which of these sizes all maps are glanced at.
_GLANCES = (0, 2)
# So many by their embedding and so many at a glance are looked at closely.
_CANDIDATES = 300
# What the embeddings count for beside the maps, in the score.
_POOLED = 2 / 3
# Larger than the largest input, however small the part.
_LONG_SIDE = 2048


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedPart:
    """A part of a picture, embedded.

    templates: its maps at several sizes. margins: of it that the network does not see, at each side (left,
    top, right, bottom), in shares of what it sees.
    """

    vector: Vectors
    templates: tuple[Cells, ...]
    margins: tuple[float, float, float, float]


def answers_by_region(session: Session, queries: Sequence[Query]) -> Iterator[Answer]:
    """Yield one answer for each query of which `request.box` or `request.part` is searched for.

    Raises:
        UsageError: the library has no local maps, or the box does not fit the only picture; of several
            pictures, that is the error of an answer.
    """
    embedder = session.embedder()
    _check(embedder)
    maps = _Maps()
    with Opener(1, at_home=OPENED_AT_HOME) as open_photo:
        read = _PartReader(session, open_photo)
        for query in queries:
            try:
                ready = read(query, session.request.requested_box or WHOLE)
            except DecodeError as error:
                yield Answer(query.name, error=error)
                continue
            except UsageError as error:
                if len(queries) == 1:
                    raise
                yield Answer(query.name, error=DecodeError("box", str(error)))
                continue
            with session.reading() as view:
                found = _answer(session, view, maps, ready)
                (answer,) = session.labeled(view, [found])
            yield answer


def _check(embedder: Embedder) -> None:
    if not embedder.has_maps:
        raise UsageError(
            f"{embedder.spec.model} run by {embedder.engine} makes no local maps, so that parts of photos "
            "cannot be found; the shipped mobilenet_v2 run by onnx does (index into a new store)"
        )


class _PartReader:
    """Cuts parts out of queries and embeds them."""

    def __init__(self, session: Session, open_photo: Opener) -> None:
        self._reading = session.reading
        self._embedder = session.embedder
        self._outside = OutsideReader(session.reading, session.embedder, open_photo)

    def __call__(self, query: Query, box: RequestedBox) -> tuple[Example, EmbeddedPart]:
        """Return a query and the part of it that is searched for.

        Raises:
            DecodeError: it cannot be read.
            UsageError: the box does not fit it, or it is a vector.
        """
        if query.vector is not None:
            raise UsageError("a vector has no parts: give the picture that it was made of")
        if query.picture is not None:
            picture = np.asarray(query.picture)
            full = (picture.shape[1], picture.shape[0])
            return Example(query), self._embedded(picture, box.within(*full), full)
        example, source = given(query) if query.id is None else self._stored(query, query.id)
        opened = self._outside.opened(source)
        part = box.within(opened.width, opened.height)
        # Of a small part a reduced picture would show too little.
        enlarged = min(opened.width / part.width, opened.height / part.height)
        min_side = round(self._embedder().min_side * max(1.0, enlarged))
        picture = open_picture(source.data, min_side=min_side, long_side=_LONG_SIDE)
        return example, self._embedded(picture, part, (opened.width, opened.height))

    def _stored(self, query: Query, photo_id: int) -> tuple[Example, Source]:
        """Return a photo of the library and the bytes of one of its files."""
        with self._reading() as view:
            ids = [photo_id] if photo_id <= MAX_ID else []
            photos = list(photos_of(view, ids=ids))
            is_away = not photos and bool(raw_vectors(view, ids))
        if is_away:
            raise DecodeError("not_found", f"the file of {query.name} is away; to cut, it must be read")
        if not photos:
            raise DecodeError("not_found", f"there is no photo {query.name} in this store")
        files, digest = photos[0].files, photos[0].digest
        source = Source.with_digest(bytes.fromhex(digest), [file.path for file in files])
        if source is None:
            raise DecodeError("not_found", f"no file of {query.name} can be read, or it has changed")
        return Example(query, digest=digest, own=frozenset((file.dev, file.ino) for file in files)), source

    def _embedded(self, picture: Pixels, box: Box, full: tuple[int, int]) -> EmbeddedPart:
        """Return a part of a picture, which may be a reduced one. full: the size that the box is of."""
        height, width = picture.shape[:2]
        x, y = width / full[0], height / full[1]
        left, top = int(box.x * x), int(box.y * y)
        right = max(left + 1, round((box.x + box.width) * x))
        bottom = max(top + 1, round((box.y + box.height) * y))
        cut = picture[top:bottom, left:right]
        embedder = self._embedder()
        prepared = [embedder.prepare_at(cut, round(share * embedder.spec.input_size)) for share in _SHARES]
        vectors, maps = embedder.embed_with_maps(prepared)
        templates = tuple(each.cells for each in maps if each is not None)
        vector = np.asarray(unit_vectors(vectors).mean(axis=0), np.float32)
        return EmbeddedPart(vector, templates, _margins(embedder.rule, cut))


def _margins(rule: InputRule, picture: Pixels) -> tuple[float, float, float, float]:
    height, width = picture.shape[:2]
    left, top, right, bottom = rule.seen(width, height)
    seen = (right - left, bottom - top)
    return left / seen[0], top / seen[1], (width - right) / seen[0], (height - bottom) / seen[1]


class _Maps:
    """The local maps of a library, read once for all queries of a run."""

    def __init__(self) -> None:
        self._at: tuple[int, str] | None = None
        self._maps: list[MapsOfShape] = []

    def of(self, view: View, kind: int) -> list[MapsOfShape]:
        """Return the maps of one kind at the view's epoch.

        Raises:
            UsageError: there are none.
        """
        if self._at != view.latest:
            self._maps, self._at = read_maps(view, kind), view.latest
        if not self._maps:
            raise UsageError(
                "this library has no local maps, so that parts of pictures cannot be found; "
                "`lookalike index --regions PATH...` reads its photos again and makes them"
            )
        return self._maps


def _answer(session: Session, view: View, maps: _Maps, ready: tuple[Example, EmbeddedPart]) -> Answer:
    example, part = ready
    if not len(visible_ids(view)):
        return Answer(example.query.name)
    scope, request = session.scope(view), session.request
    visible = visible_ids(view, scope.where) if scope.ids is None else scope.ids
    allowed = [chosen(each, visible) for each in maps.of(view, session.embedder().map_kind)]
    mapped = np.sort(np.concatenate([each.ids for each in allowed]))
    windows, scores = _scored(view, allowed, part, _candidates(view, allowed, mapped, part))
    ids = np.array([sorted(scores, key=lambda photo_id: (-scores[photo_id], photo_id))], np.int64)
    near = np.array([[scores[each] for each in ids[0].tolist()]], np.float32)
    same_as = ids if request.include_copies else LocalGraph.around(view, ids).same_as(ids)
    (results,) = collapse(view, [example], Ranked(ids, near, same_as), scope.where, request)
    rule = session.embedder().rule
    boxed = [
        replace(each, box=_box(windows[each.photo.id], part, rule, each.photo))
        for each in in_order(results, request.sort)
    ]
    return Answer(example.query.name, tuple(boxed), without_map=len(visible) - len(mapped))


def _candidates(view: View, maps: list[MapsOfShape], mapped: Ids, part: EmbeddedPart) -> Ids:
    """Return the ids, ascending, of the photos that are worth a close look."""
    many = min(_CANDIDATES, len(mapped))
    if not many:
        return mapped
    near = nearest_photos(view, part.vector[None], many, allowed=mapped).ids[0]
    templates = [part.templates[number] for number in _GLANCES]
    fits = np.concatenate([glance(each, templates) for each in maps])
    ids = np.concatenate([each.ids for each in maps])
    first = ids[np.argpartition(-fits, many - 1)[:many]]
    return np.union1d(near[near >= 0], first)


def _scored(
    view: View, maps: list[MapsOfShape], part: EmbeddedPart, candidates: Ids
) -> tuple[dict[int, Window], dict[int, float]]:
    """Return the best window and the score of candidates, by id."""
    windows: dict[int, Window] = {}
    for each in maps:
        some = chosen(each, candidates)
        if len(some.ids):
            windows |= look(some, part.templates)
    unit = unit_vectors(part.vector)
    if not len(candidates):
        return {}, {}
    cosines = (units_of(view, candidates).astype(np.float32) @ unit).tolist()
    scores = {
        photo_id: float(_POOLED * cosine + (1 - _POOLED) * windows[photo_id].score)
        for photo_id, cosine in zip(candidates.tolist(), cosines, strict=True)
    }
    return windows, scores


def _box(window: Window, part: EmbeddedPart, rule: InputRule, photo: Photo) -> Box:
    """Return where in a photo the part comes up: the window, and the margins the network did not see."""
    left, top, right, bottom = rule.seen(photo.width, photo.height)
    width, height = window.width * (right - left), window.height * (bottom - top)
    x, y = left + window.left * (right - left), top + window.top * (bottom - top)
    before, above, behind, below = part.margins
    x0, y0 = max(0, round(x - before * width)), max(0, round(y - above * height))
    x1 = min(photo.width, round(x + (1 + behind) * width))
    y1 = min(photo.height, round(y + (1 + below) * height))
    return Box(x0, y0, max(1, x1 - x0), max(1, y1 - y0))
