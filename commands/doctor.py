"""Is everything as it should be? Checks of the program, the model and the store."""

import os
import platform
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from ..dedup.actions.journal import check_store as check_journals
from ..errors import LookalikeError, Refusal
from ..indexer.decode.heif import FORCE, MIN_LIBHEIF, as_text, is_outdated, libheif_version
from ..indexer.embed.embedder import Embedder, default_spec
from ..indexer.embed.models import check_numbers
from ..indexer.embed.weights.golden import MIN_COSINE
from ..indexer.embed.weights.loader import read_shipped
from ..indexer.embed.weights.table import SHIPPED_GRAPH, SHIPPED_STATE
from ..library import Library, default_folder, is_data_set
from ..output.text import file_size, plural
from ..store.care.checks import Finding, check_recall, check_sqlite, check_store, check_surroundings
from ..store.names import is_remote

_PACKAGES = ("lookalike", "faiss-cpu", "onnxruntime", "pillow", "pillow-heif", "sqlalchemy", "torch")
RECALL_QUERIES = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """How thorough to be.

    deep: read all of the store. recall: so many photos are searched for, and the answers compared with what
    comparing all gives. content: the share of the photos to read again.
    """

    deep: bool = False
    recall: int = 0
    content: float = 0.0


def examine(folder: str | None, wanted: Wanted = Wanted()) -> Iterator[Finding]:
    """Yield the findings about the program and the store in folder (None: the default one)."""
    where = folder or default_folder()
    where = where if is_remote(where) else os.path.abspath(where)
    yield _versions()
    yield check_sqlite()
    yield _check_heif()
    yield _check_shipped()
    yield _check_numbers()
    if os.path.isdir(where) and not is_data_set(where):
        yield from check_surroundings(where)
    try:
        with Library.open(where) as library:
            yield Finding("ok", "store", library.store.name)
            yield from check_store(library.store, deep=wanted.deep)
            yield _check_model(library)
            yield from _check_moved(library)
            if wanted.recall:
                yield check_recall(library.store, wanted.recall)
            if wanted.content:
                yield from _check_contents(library, wanted.content)
    except LookalikeError as error:
        yield Finding("broken", "store", str(error))


def _versions() -> Finding:
    found = [f"python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    return Finding("ok", "versions", ", ".join(found))


def _check_heif() -> Finding:
    """Most attacks by pictures are on libheif: an old one is not used unless the user wants it."""
    found = libheif_version()
    if found is None:
        return Finding("ok", "heif", "HEIC pictures are not read: pip install pillow-heif")
    if not is_outdated(found):
        return Finding("ok", "heif", f"libheif {found}")
    least = as_text(MIN_LIBHEIF)
    said = f"{FORCE} forces it" if os.environ.get(FORCE) else "HEIC pictures are not read"
    return Finding("note", "heif", f"libheif {found} is older than {least}, a picture can run code: {said}")


def _check_shipped() -> Finding:
    try:
        for file in (SHIPPED_GRAPH, SHIPPED_STATE):
            read_shipped(file)
    except LookalikeError as error:
        return Finding("broken", "weights", str(error))
    return Finding("ok", "weights", "the shipped model is what was published")


def _check_model(library: Library) -> Finding:
    spec = library.spec
    if spec is None:
        return Finding("note", "model", "nothing is indexed yet")
    try:
        engine = Embedder(spec).engine
    except LookalikeError as error:
        return Finding("broken", "model", str(error))
    said = f"{spec.model}, {spec.input_rule} {spec.input_size}, {spec.dim} numbers, engine {engine}"
    return Finding("ok", "model", said)


def _check_moved(library: Library) -> Iterator[Finding]:
    """Tell what lies where `apply` put it, and why nothing would be done by journals or lines of them."""
    try:
        check_journals(library.store.folder)
    except Refusal as why:
        yield Finding("note", "journals", str(why))
    moved = library.moved()
    yield from (Finding("note", "journals", trouble) for trouble in moved.troubles)
    if kept := sum(lot.kept for lot in moved.lots):
        yield Finding("note", "quarantine", f"{plural(kept, 'file')} could not be deleted: prune again")
    if moved.lots:
        size = file_size(sum(lot.size for lot in moved.lots))
        count = plural(sum(lot.files for lot in moved.lots), "file")
        yield Finding("ok", "moved", f"{count}, {size} in quarantines and the trash; `undo` puts them back")


def _check_contents(library: Library, share: float) -> Iterator[Finding]:
    """Find photos whose bytes changed behind the file system's back."""
    states: Counter[str] = Counter()
    for file in library.folders.reread(share):
        states[file.state] += 1
        if file.state == "rotten":
            yield Finding("broken", "content", f"{file.path}: {file.message}")
        elif file.state == "unreadable":
            yield Finding("note", "content", f"{file.path}: {file.message}")
    said = f"{plural(states.total(), 'photo')} read again, {states['same']:,} as indexed"
    if states["changed"]:
        said += f", {states['changed']:,} edited since: index again"
    yield Finding("ok", "content", said)


def _check_numbers() -> Finding:
    """Another library version or processor may compute differently: compare with recorded vectors."""
    try:
        cosine = check_numbers(Embedder(default_spec()))
    except LookalikeError as error:
        return Finding("broken", "numbers", str(error))
    if cosine is not None and cosine < MIN_COSINE:
        return Finding(
            "note",
            "numbers",
            f"this machine's embeddings differ from the recorded ones (cosine {cosine:.6f}); new photos "
            "and queries may not be comparable with those indexed elsewhere",
        )
    return Finding("ok", "numbers", "the network computes what it computed when it was published")
