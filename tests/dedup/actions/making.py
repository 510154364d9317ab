"""Libraries of real files in a store of made-up embeddings, and plans over them."""

import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from blake3 import blake3

from lookalike.dedup.actions.apply import ApplyOptions, apply_plan
from lookalike.dedup.actions.journal import journals
from lookalike.dedup.actions.outcome import Outcome
from lookalike.dedup.actions.plan import companion_rows
from lookalike.dedup.actions.planfile import Plan, read_plan
from lookalike.dedup.actions.undo import UndoOptions, undo
from lookalike.dedup.groups.companions import CompanionFinder
from lookalike.store.catalog.contents import ids_of
from lookalike.store.catalog.pairs import Decision, decide
from lookalike.store.catalog.photos import photos_of
from lookalike.store.documents import Row, document, path_fields
from lookalike.store.progress import UNWATCHED, Watch
from lookalike.store.records import Content, EmbeddedPhoto, FileResult, FileStat
from lookalike.store.store import Store
from lookalike.store.view import View
from lookalike.tests.pictures import draw_photo, encode
from lookalike.tests.store.making import make_spec, make_vector

IN_QUARANTINE = ApplyOptions(method="quarantine")


@cache
def jpeg(seed: int, quality: int = 90) -> bytes:
    """Return a small photo as the bytes of a JPEG; two qualities are two copies of one picture."""
    return encode(draw_photo(seed, 48, 32), quality=quality)


class Shelf:
    """Photos in a folder, the store that knows them, and plans that give some of them up."""

    def __init__(self, folder: Path) -> None:
        self.photos = folder / "photos"
        self.photos.mkdir(parents=True)
        self.store = Store.open(folder / "store", create=True)
        self.store.use_spec(make_spec())
        self.root, _ = self.store.add_root(os.fsencode(self.photos))
        self.groups: list[Row] = []
        self.protect: list[str] = []

    def put(
        self,
        name: str,
        data: bytes | None = None,
        *,
        seed: int = 0,
        quality: int = 90,
        pixels_of: Path | None = None,
    ) -> Path:
        """Write a photo and make it known to the store. pixels_of: it shows the same as this one."""
        path = self.write(name, data, seed=seed, quality=quality)
        self.know(path, pixels_of=pixels_of)
        return path

    def write(self, name: str, data: bytes | None = None, *, seed: int = 0, quality: int = 90) -> Path:
        """Write a photo that the store does not know of."""
        path = self.photos / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(seed, quality) if data is None else data)
        return path

    def know(self, *paths: Path, pixels_of: Path | None = None) -> None:
        """Make files known to the store as they are now."""
        self.store.commit(self.root, [self._result(path, pixels_of) for path in paths])

    def ids(self, view: View, *photos: Path) -> list[int]:
        """Return the ids of the contents of files."""
        digests = [blake3(each.read_bytes()).digest() for each in photos]
        known = ids_of(view, digests)
        return [known[digest] for digest in digests]

    def _result(self, path: Path, pixels_of: Path | None) -> FileResult:
        found, digest = path.lstat(), blake3(path.read_bytes()).digest()
        rel = os.fsencode(path.relative_to(self.photos))
        stat = FileStat(
            rel, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_dev, found.st_ino
        )
        pixels = blake3((pixels_of or path).read_bytes()).digest()
        content = Content(digest, found.st_size, 48, 32, "JPEG", pixels)
        vector = make_vector(int.from_bytes(digest[:4]))
        return FileResult(stat, digest, EmbeddedPhoto(content, vector, b"jpeg"))

    def group(self, keeper: Path, *members: Path, kind: str = "", selected: bool = True) -> None:
        """Plan to keep one file and to give up others; copies are confirmed to be such."""
        paths = {str(keeper), *map(str, members)}
        rows = []
        for member in members:
            same = member.read_bytes() == keeper.read_bytes()
            said = {"class": kind or ("exact" if same else "copy"), "transform": "", "selected": selected}
            rows.append(self.expected(member, paths) | said | {"why_not": ""})
            if said["class"] == "copy" and not same:
                self.confirm(keeper, member)
        self.groups.append({"keeper": self.expected(keeper, paths), "members": rows, "wasted_bytes": 0})

    def confirm(self, a: Path, b: Path, kind: Decision | None = "confirmed") -> None:
        """Decide on two photos as the user would."""
        first, second = (blake3(each.read_bytes()).hexdigest() for each in (a, b))
        with self.store.writing() as view:
            decide(view, first, second, kind)

    def expected(self, path: Path, group: set[str]) -> Row:
        """Return what a plan says of a file."""
        found = path.lstat()
        companions = [each for each in CompanionFinder().companions(str(path)) if each.path not in group]
        return {
            **path_fields(str(path)),
            "blake3": blake3(path.read_bytes()).hexdigest(),
            "bytes": found.st_size,
            "mtime_ns": found.st_mtime_ns,
            "dev": found.st_dev,
            "ino": found.st_ino,
            "companions": companion_rows(each for each in companions if not each.shared),
        }

    @property
    def document(self) -> bytes:
        """The plan as a file."""
        head = {"created": "2026-01-02T03:04:05+00:00", "store": self.store.folder, "roots": []}
        protect = [path_fields(folder) for folder in self.protect]
        return document(head | {"protect": protect, "groups": self.groups})

    @property
    def plan(self) -> Plan:
        """The plan as it is read."""
        return read_plan(self.document, "plan.json")

    def apply(self, options: ApplyOptions = IN_QUARANTINE, watch: Watch = UNWATCHED) -> list[Outcome]:
        """Act on the plan."""
        return apply_plan(self.store, self.plan, options, watch)

    def undo(self, *folders: Path, run: int = 0) -> list[Outcome]:
        """Take a run back: 0 is the newest, 1 the one before."""
        record = journals(self.store.folder)[run]
        return undo(self.store, record, UndoOptions(folders=tuple(map(str, folders))), UNWATCHED)

    def tree(self) -> dict[str, bytes]:
        """Return all files outside of the quarantine by path below the photos, links as what they say."""
        return {
            name: data
            for name, data in contents(self.photos)
            if not name.startswith(".lookalike-quarantine")
        }

    def present(self) -> set[str]:
        """Return what the catalog holds for present, by path below the photos."""
        with self.store.reading() as view:
            files = [file.path for photo in photos_of(view) for file in photo.files]
        return {os.path.relpath(path, self.photos) for path in files}

    def quarantined(self) -> set[str]:
        """Return the paths of what lies in the quarantine, below the folder of its run."""
        top = self.photos / ".lookalike-quarantine"
        files = [path.relative_to(top) for path in top.rglob("*") if not path.is_dir()]
        return {os.path.join(*path.parts[1:]) for path in files if len(path.parts) > 1}


def contents(top: Path) -> Iterator[tuple[str, bytes]]:
    """Yield path and bytes of every file below a folder; of a link, where it leads."""
    for folder, _, names in os.walk(os.fsencode(top)):
        for name in names:
            path = os.path.join(folder, name)
            data = (
                b"-> " + os.readlink(path) if os.path.islink(path) else Path(os.fsdecode(path)).read_bytes()
            )
            yield os.fsdecode(os.path.relpath(path, os.fsencode(top))), data


def states(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Return what became of files by name: the state, or the code of what was left."""
    return {os.path.basename(each.path): each.code or each.state for each in outcomes}
