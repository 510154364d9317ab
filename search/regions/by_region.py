"""Search for a part of a picture: by its own embedding, and by where it comes up in the local maps."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from blake3 import blake3

from ...errors import DecodeError, UsageError
from ...indexer.decode.read import read_file
from ...indexer.embed.embedder import Embedder
from ...indexer.embed.preprocess import InputRule, Pixels
from ...indexer.sandbox.decoders import OPENED_AT_HOME, Opener, open_picture
from ...store.catalog.embeddings import raw_vectors, units_of
from ...store.catalog.local_maps import MapsOfShape, read_maps
from ...store.catalog.photos import Photo, photos_of, visible_ids
from ...store.index.exact import Ids, Neighbors
from ...store.index.search import nearest_photos
from ...store.records import Cells, Vectors, unit_vectors
from ...store.store import Store
from ...store.view import View
from ..answers import Answer, SearchOptions
from ..collapse import shown
from ..examples import Example, Preparation, Query
from ..order import in_order
from ..rerank import Surroundings
from .boxes import Box, BoxAsked
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
class Part:
    """A part of a picture, embedded.

    templates: its maps at several sizes. margins: of it that the network does not see, at each side (left,
    top, right, bottom), in shares of what it sees.
    """

    vector: Vectors
    templates: tuple[Cells, ...]
    margins: tuple[float, float, float, float]


def find_regions(
    store: Store, queries: Iterable[Query], options: SearchOptions, embedder: Callable[[], Embedder]
) -> Iterator[Answer]:
    """Yield one answer for each query of which `options.box` is looked for; see `query.find_similar`.

    Raises:
        UsageError: the library has no local maps, or the box does not fit the only picture; of several
            pictures, that is the error of an answer.
    """
    assert options.box is not None
    _check(embedder())
    maps = _Maps()
    is_one = isinstance(queries, Sequence) and len(queries) == 1
    with Opener(1, at_home=OPENED_AT_HOME) as open_photo:
        prepare = Parts(store, embedder, open_photo)
        for query in queries:
            try:
                example, part = prepare.part(query, options.box)
            except DecodeError as error:
                yield Answer(query.name, error=error)
                continue
            except UsageError as error:
                if is_one:
                    raise
                yield Answer(query.name, error=DecodeError("box", str(error)))
                continue
            with store.reading() as view:
                if not len(visible_ids(view)):
                    yield Answer(query.name)
                    continue
                found = maps.of(view, embedder().map_kind)
                yield _answer(view, found, embedder().rule, (example, part), options)


def _check(embedder: Embedder) -> None:
    if not embedder.has_maps:
        raise UsageError(
            f"{embedder.spec.model} run by {embedder.engine} makes no local maps, so that parts of photos "
            "cannot be found; the shipped mobilenet_v2 run by onnx does (index into a new --store)"
        )


class Parts(Preparation):
    """Cuts parts out of queries and embeds them."""

    def part(self, query: Query, box: BoxAsked) -> tuple[Example, Part]:
        """Return a query and the part of it which is looked for.

        Raises:
            DecodeError: it cannot be read.
            UsageError: the box does not fit it.
        """
        if query.picture is not None:
            picture = np.asarray(query.picture)
            full = (picture.shape[1], picture.shape[0])
            return Example(query), self._embedded(picture, box.within(*full), full)
        example, data = self._read(query)
        digest = blake3(data).digest()
        self._refuse_poison(digest)
        opened = self._open_photo(data, digest, self._embedder().rule)
        asked = box.within(opened.width, opened.height)
        # Of a small part a reduced picture would show too little.
        enlarged = min(opened.width / asked.width, opened.height / asked.height)
        min_side = round(self._embedder().min_side * max(1.0, enlarged))
        picture = open_picture(data, min_side=min_side, long_side=_LONG_SIDE)
        return example, self._embedded(picture, asked, (opened.width, opened.height))

    def _read(self, query: Query) -> tuple[Example, bytes]:
        """Return the query without a vector, and its bytes."""
        if query.id is not None:
            return self._read_id(query, query.id)
        if query.path is None:
            if not query.data:
                raise DecodeError("empty", "the image is empty (0 bytes)")
            return Example(query), query.data
        name = os.fsencode(query.path)
        try:
            data, stat = read_file(name, name)
        except (FileNotFoundError, ValueError) as error:  # ValueError: a name with NUL in it
            raise DecodeError("not_found", "there is no such file") from error
        own = frozenset({(stat.dev, stat.ino)})
        return Example(
            query, digest=blake3(data).hexdigest(), own=own, own_path=os.path.realpath(query.path)
        ), data

    def _read_id(self, query: Query, photo_id: int) -> tuple[Example, bytes]:
        with self._store.reading() as view:
            photos = list(photos_of(view, ids=[photo_id])) if photo_id < 1 << 63 else []
            is_away = not photos and photo_id < 1 << 63 and bool(raw_vectors(view, [photo_id]))
        if is_away:
            raise DecodeError("not_found", f"the file of id:{photo_id} is away; to cut, it must be read")
        if not photos:
            raise DecodeError("not_found", f"there is no photo id:{photo_id} in this store")
        own = frozenset((file.dev, file.ino) for file in photos[0].files)
        example = Example(query, digest=photos[0].digest, own=own)
        for file in photos[0].files:
            try:
                data, _ = read_file(os.fsencode(file.path), os.fsencode(file.path))
            except (OSError, DecodeError):
                continue
            if blake3(data).hexdigest() == photos[0].digest:
                return example, data
        raise DecodeError("not_found", f"no file of id:{photo_id} can be read, or it has changed")

    def _embedded(self, picture: Pixels, box: Box, full: tuple[int, int]) -> Part:
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
        return Part(vector, templates, _margins(embedder.rule, cut))


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


def _answer(
    view: View,
    maps: list[MapsOfShape],
    rule: InputRule,
    asked: tuple[Example, Part],
    options: SearchOptions,
) -> Answer:
    example, part = asked
    visible = visible_ids(view, options.where) if options.allowed is None else options.allowed
    allowed = [chosen(each, visible) for each in maps]
    mapped = np.sort(np.concatenate([each.ids for each in allowed]))
    windows, scores = _scored(view, allowed, part, _candidates(view, allowed, mapped, part))
    ids = np.array([sorted(scores, key=lambda photo_id: (-scores[photo_id], photo_id))], np.int64)
    near = Neighbors(ids, np.array([[scores[each] for each in ids[0].tolist()]], np.float32))
    stands = ids if options.include_copies else Surroundings.of(view, ids).stand_ins(ids)
    (results,) = shown(view, [example], near, stands, options)
    boxed = [
        replace(each, box=_box(windows[each.photo.id], part, rule, each.photo))
        for each in in_order(results, options.sort)
    ]
    return Answer(example.query.name, tuple(boxed), without_map=len(visible) - len(mapped))


def _candidates(view: View, maps: list[MapsOfShape], mapped: Ids, part: Part) -> Ids:
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
    view: View, maps: list[MapsOfShape], part: Part, candidates: Ids
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


def _box(window: Window, part: Part, rule: InputRule, photo: Photo) -> Box:
    """Return where in a photo the part comes up: the window, and the margins the network did not see."""
    left, top, right, bottom = rule.seen(photo.width, photo.height)
    width, height = window.width * (right - left), window.height * (bottom - top)
    x, y = left + window.left * (right - left), top + window.top * (bottom - top)
    before, above, behind, below = part.margins
    x0, y0 = max(0, round(x - before * width)), max(0, round(y - above * height))
    x1 = min(photo.width, round(x + (1 + behind) * width))
    y1 = min(photo.height, round(y + (1 + below) * height))
    return Box(x0, y0, max(1, x1 - x0), max(1, y1 - y0))
