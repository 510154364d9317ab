"""What a server works with: the library, what it remembers between requests, and processes that decode."""

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cv2

from ..errors import DecodeError, StoreMissing
from ..indexer.drives.drives import State, state_of, traces_of
from ..indexer.embed.preprocess import Pixels
from ..indexer.options import DEFAULT_OPTIONS, IndexOptions
from ..indexer.outside import OutsideReader, Source
from ..indexer.sandbox.decode_job import picture_in, picture_job
from ..indexer.sandbox.decoders import DECODER, Opener
from ..indexer.sandbox.pool import NoWorkers, WorkerPool
from ..indexer.sandbox.process import WorkerEnded
from ..library import Library
from ..store.catalog.folders import all_roots
from ..store.catalog.photos import Photo, photos_of
from ..store.filters.where import ALL, Where, rel_below
from ..store.names import is_remote
from ..store.store import inode_of
from .acting import Acting
from .decisions import Decider
from .details import Details
from .events import Events
from .groups import KnownGroups
from .jobs import Jobs
from .problems import Gone, ReadOnly, Replaced
from .review import review_of
from .shelf import Shelf
from .uploads import Upload, Uploads

THERE: tuple[State, ...] = ("online", "suspect")  # of a folder: it can be indexed

_DECODERS = 2
_PREVIEW_BYTES = 64 << 20
_QUALITY = 88


@dataclass(eq=False)
class Served:
    """A library that is served.

    can_write: the server was started with --write. indexing: how its index runs go. wanted_folders: to be
    indexed with those of the library. searching: one search at a time has the cores.
    """

    library: Library
    can_write: bool = False
    indexing: IndexOptions = DEFAULT_OPTIONS
    wanted_folders: Sequence[str] = ()
    uploads: Uploads = field(default_factory=Uploads)
    searching: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._inode = inode_of(os.path.join(self.library.store.folder, "catalog.db"))
        self.shelf = Shelf(self.library.store)
        self.previews = Previews()
        self._opener = Opener(_DECODERS)
        self._outside = OutsideReader(self.library.store.reading, self.library.embedder, self._opener)
        self.events = Events()
        self.jobs = Jobs(self.events)
        self.review = review_of(self.library.store.folder, can_write=self.can_write)
        self.groups = KnownGroups(self.library, self.events)
        self.decider = Decider(self.library, self.review)
        self.acting = Acting(self.library, self.groups, self.review, self.jobs)
        self.details = Details(self.library)

    @cached_property
    def mark(self) -> str:
        """The name of this catalog file: photo 7 of another one is another photo."""
        return hashlib.sha256(f"{self.library.store.uuid} {self._inode}".encode()).hexdigest()[:12]

    def check_store(self) -> None:
        """Check that the store is the one that was opened: groups, sets, pages and caches hold its numbers.

        Raises:
            StoreMissing: it is away. Replaced: another one lies there.
        """
        folder = self.library.store.folder
        found = inode_of(os.path.join(folder, "catalog.db"))
        if found == (0, 0):
            raise StoreMissing(
                f"the store {folder} is away: connect its drive or put the folder back, "
                "or start `lookalike serve` again"
            )
        if found != self._inode:
            raise Replaced(
                f"the store {folder} was replaced by another one: end `lookalike serve` and start it again"
            )

    def close(self) -> None:
        """End what works for it; the library stays open."""
        self.events.close()
        self.jobs.close()
        self.previews.close()
        self._opener.close()

    def photo(self, photo_id: int) -> Photo:
        """Return a photo by id.

        Raises:
            Gone: no file of it is there.
        """
        found = self.known_photos([photo_id])
        if photo_id not in found:
            raise Gone(f"photo {photo_id} is not in the library any more")
        return found[photo_id]

    def receive(self, data: bytes) -> Upload:
        """Return a picture that was handed in, decoded in a process that may die of it.

        Raises:
            DecodeError: it cannot be read.
        """
        source = Source.from_bytes(data)
        opened = self._outside.opened(source)
        return Upload(data, self._outside.embed(opened.pixels), opened.width, opened.height)

    def known_photos(self, ids: list[int], where: Where = ALL) -> dict[int, Photo]:
        """Return those of some photos that are there, by id, with their files that pass a filter."""
        with self.library.store.reading() as view:
            return {photo.id: photo for photo in photos_of(view, where, ids)}

    def roots(self) -> list[str]:
        """Return the folders that were indexed."""
        with self.library.store.reading() as view:
            return [os.fsdecode(root.path) for root in all_roots(view)]

    def folders(self) -> list[tuple[bytes, State]]:
        """Return the folders that were indexed, and whether their drives are there now."""
        with self.library.store.reading() as view:
            found = all_roots(view)
        store = self.library.store
        return [(each.path, state_of(each.path, each.drive, traces_of(store, each))) for each in found]

    def folders_to_come(self) -> list[str]:
        """Return the folders that are to be indexed, are there, and do not lie in one that was."""
        known = [os.fsencode(os.path.realpath(path)) for path in self.roots()]

        def is_known(path: str) -> bool:
            real = os.fsencode(os.path.realpath(path))
            return any(rel_below(real, each) is not None for each in known)

        return [each for each in self.wanted_folders if os.path.isdir(each) and not is_known(each)]

    def why_gone(self, photo: Photo) -> str:
        """Return why no file of a photo is there as it was indexed."""
        if all(is_remote(file.path) for file in photo.files):
            return f"it lies in an object store, where your own tools open it: {photo.path}"
        paths = [os.fsencode(file.path) for file in photo.files]
        away = [
            os.fsdecode(folder)
            for folder, state in self.folders()
            if state not in THERE and any(rel_below(path, folder) is not None for path in paths)
        ]
        if any(map(os.path.lexists, paths)):
            return "it was changed since it was indexed; `lookalike index` looks again"
        return f"{away[0]} is away: connect its drive" if away else "its file is not there any more"

    def check_writing(self) -> None:
        """Check that this server may change something.

        Raises:
            ReadOnly: it may not.
        """
        if not self.can_write:
            raise ReadOnly(
                "this page only shows; start it with `lookalike serve --write` to change something"
            )


class Previews:
    """Pictures as large as a screen, made of any format in processes that may die of it."""

    def __init__(self) -> None:
        self._pool = WorkerPool(_DECODERS, DECODER)
        self._mutex = threading.Lock()
        self._kept: OrderedDict[tuple[bytes, int], bytes] = OrderedDict()

    def close(self) -> None:
        """End its processes."""
        self._pool.close()

    def of_photo(self, photo: Photo, side: int) -> bytes:
        """Return a photo as JPEG with at most `side` pixels on its longer side.

        Raises:
            DecodeError: no file of it can be read, or is what was indexed.
        """
        digest = bytes.fromhex(photo.digest)
        kept = self._get((digest, side))
        if kept is None:
            source = Source.with_digest(digest, [file.path for file in photo.files])
            if source is None:
                raise DecodeError("gone", "no file of it is there")
            kept = self.of_bytes(source.data, side)
            self._put((digest, side), kept)
        return kept

    def of_bytes(self, data: bytes, side: int) -> bytes:
        """Return a picture as JPEG with at most `side` pixels on its longer side.

        Raises:
            DecodeError: it cannot be read.
        """
        pixels = self.pixels(data, side)
        _, jpeg = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        return jpeg.tobytes()

    def pixels(self, data: bytes, side: int) -> Pixels:
        """Return a picture, (h, w, 3) uint8 RGB, with at most `side` pixels on its longer side.

        Raises:
            DecodeError: it cannot be read.
        """
        job = picture_job(side, side)
        try:
            return self._pool.ask(job, [data], lambda head, buffers: picture_in(head, buffers, side))
        except (NoWorkers, WorkerEnded) as error:
            raise DecodeError(getattr(error, "code", "no_decoder"), str(error)) from error

    def _get(self, key: tuple[bytes, int]) -> bytes | None:
        with self._mutex:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _put(self, key: tuple[bytes, int], jpeg: bytes) -> None:
        with self._mutex:
            self._kept[key] = jpeg
            while sum(map(len, self._kept.values())) > _PREVIEW_BYTES:
                self._kept.popitem(last=False)
