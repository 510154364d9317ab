"""A data set: a folder, or a prefix in an object store, with lists of work and what came of them."""

import json
import os
import re
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import SpecMismatch, StoreCorrupt, StoreMissing, StoreTooNew, UsageError
from ..store.catalog.holdings import HOLDINGS_VERSION
from ..store.spec import EmbedderSpec
from .place import Place, sweep

# What this program writes; another is refused.
FORMAT = 1
UNIT_SIZE = 2_000
_FILE = "dataset.json"
# Folders in which files are written.
_WRITTEN = (
    "plan",
    "units",
    "claims",
    "failed",
    "hashes",
    "pairs",
    "cells",
    "candidates",
    "proofs",
    "store",
)
# What else may lie where a new one is made: what is hidden, and what a crash left half written.
_PASSED_OVER = re.compile(r"\..*|.*\.tmp|lost\+found", re.DOTALL)
_RESULT = re.compile(r"u-(\d{8})(?:-(\d+))?\.parquet", re.ASCII)


@dataclass(frozen=True)
class DataSet:
    """What is fixed of a data set from its first plan on; small, and may be pickled.

    uuid: the random name that it was born with. unit_size: files of a unit. holdings: version of what is
    looked for in files beside their picture.
    """

    place: Place
    uuid: str
    spec: EmbedderSpec
    unit_size: int
    holdings: int

    @classmethod
    def open(cls, url: str) -> "DataSet":
        """Return the data set that lies at a path or URL.

        Raises:
            StoreMissing: there is none. StoreTooNew, StoreCorrupt: it cannot be read.
            UsageError: see `Place.of`.
        """
        found = cls.find(Place.of(url))
        if found is None:
            raise StoreMissing(
                f"there is no data set in {url}; make one with `lookalike bulk plan YOUR_PHOTOS --to {url}`"
            )
        return found

    @classmethod
    def find(cls, place: Place) -> "DataSet | None":
        """Return the data set of a place, None where there is none."""
        try:
            text = place.read(_FILE)
        except FileNotFoundError:
            return None
        return _read(place, text)

    @classmethod
    def make(cls, url: str, spec: EmbedderSpec, unit_size: int | None = None) -> "DataSet":
        """Return the data set that lies there, of this spec; make it where there is none.

        Raises:
            SpecMismatch: it has another spec.
            UsageError: it has units of another size, or would be made among other files.
        """
        place = Place.of(url)
        size = UNIT_SIZE if unit_size is None else unit_size
        made = cls(place, str(uuid.uuid4()), spec, size, HOLDINGS_VERSION)
        if cls.find(place) is None:
            _check_unused(place)
            if place.create(_FILE, made._text()):
                return made
        found = cls.open(url)
        if found.spec != spec:
            raise SpecMismatch(
                f"the data set {url} was planned with {found.spec.difference(spec)}; embeddings of "
                "different kinds cannot be compared: leave the option away, or plan another data set"
            )
        if unit_size not in (None, found.unit_size):
            raise UsageError(
                f"the units of {url} have {found.unit_size:,} files, not {unit_size:,}; "
                "leave `unit_size` away"
            )
        return found

    def _text(self) -> bytes:
        told = {
            "format": FORMAT,
            "uuid": self.uuid,
            "spec": asdict(self.spec),
            "fingerprint": self.spec.fingerprint,
            "holdings": self.holdings,
            "unit_size": self.unit_size,
        }
        return json.dumps(told, indent=2).encode() + b"\n"

    @property
    def plans(self) -> Place:
        """Where its plans lie."""
        return self.place.at("plan")

    @property
    def units(self) -> Place:
        """Where the results of its units lie."""
        return self.place.at("units")

    def results(self) -> dict[int, list[str]]:
        """Return the names of the results in `units`, by number: the first, then those of later tries."""
        found: dict[int, dict[int, str]] = defaultdict(dict)
        for name in self.units.names("u-"):
            if match := _RESULT.fullmatch(name):
                found[int(match[1])][int(match[2] or 0)] = name
        return {
            number: [tries[each] for each in sorted(tries)] for number, tries in found.items() if 0 in tries
        }


def _check_unused(place: Place) -> None:
    """Check that a data set may be made in a place: a new or empty one, or one with what is left of one.

    Raises:
        UsageError: other files lie there, photos mostly.
    """
    own = {_FILE, *_WRITTEN}
    others = (name for name in place.names() if name not in own and not _PASSED_OVER.fullmatch(name))
    other = next(others, None)
    if other is not None:
        raise UsageError(
            f"{place.url} holds other files, {other} for one, and a data set takes a folder of its own: "
            "name a new or an empty one for it"
        )


def sweep_unfinished(place: Place) -> None:
    """Remove what writers that crashed left in a data set; in an object store no file is ever half written.

    Other files may lie in the same folder: only what is the data set's own is looked into.
    """
    if place.path is not None:
        for name in _WRITTEN:
            sweep(os.path.join(place.path, name))


def result_name(number: int, again: int = 0) -> str:
    """Return the name of a unit's result in `units`. again: how many tries at its files came before."""
    return f"u-{number:08d}-{again}.parquet" if again else f"u-{number:08d}.parquet"


def _read(place: Place, text: bytes) -> DataSet:
    try:
        told: Mapping[str, Any] = json.loads(text)
        if told["format"] > FORMAT:
            raise StoreTooNew(
                f"a newer lookalike made the data set {place.url} (format {told['format']}); "
                "update lookalike"
            )
        spec = EmbedderSpec(**told["spec"])
        if spec.fingerprint != told["fingerprint"]:
            raise ValueError("its fingerprint does not fit its spec")
        return DataSet(place, told["uuid"], spec, told["unit_size"], told["holdings"])
    except (ValueError, TypeError, KeyError) as error:
        raise StoreCorrupt(
            f"{place.url}/{_FILE} cannot be read: {error}; restore it from a copy"
        ) from error
