"""How to index, and what an index run reports."""

from collections import Counter
from dataclasses import dataclass, field

from .scan.walk import DEFAULT, ScanOptions


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """How to index.

    workers: photos processed in parallel, None for what the machine has cores and memory for. retry_failed:
    read files again that could not be read last time although they did not change. accept_missing: accept
    that up to so many files are gone. accept_drive: accept that a folder is on another drive now. marker:
    have a marker file in each folder. regions: read photos again that have no local map, so that parts of
    them can be found. batch_files, batch_seconds: when a batch is committed, whichever comes first; a crash
    loses one batch.
    """

    scan: ScanOptions = DEFAULT
    workers: int | None = None
    retry_failed: bool = False
    accept_missing: int = 0
    accept_drive: bool = False
    marker: bool = False
    regions: bool = False
    batch_files: int = 256
    batch_seconds: float = 2.0


@dataclass(slots=True)
class IndexReport:
    """What an index run did, in numbers of files.

    listed: photos that the scan met. unchanged: known by their stat, not even opened. embedded: decoded
    and embedded. recognized: read, and their content was known (moved, renamed, touched, or a copy).
    new: contents that were not known. copies: new files with a content that another file has, too, new or
    not. renewed: read again for what the store lacked of them. unread: files that hold a picture or a film
    which is not looked into, by their ending, as in "CR2".
    sidecars: photos whose XMP sidecars are new, changed or gone.
    failed: listed, but unreadable. absent, excluded: known before, now gone or left out.
    newly_failed: paths of those that could not be read in this run; the others are known from before.
    problems: folders that could not be listed, sidecars that could not be read. refused: folders in which
    nothing was changed, and why.
    unmarked: folders in which no marker could be written, and why.
    interrupted: stopped on request; what was finished is kept.
    """

    listed: int = 0
    unchanged: int = 0
    embedded: int = 0
    recognized: int = 0
    new: int = 0
    copies: int = 0
    renewed: int = 0
    sidecars: int = 0
    failed: int = 0
    absent: int = 0
    excluded: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    unread: Counter[str] = field(default_factory=Counter)
    newly_failed: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unmarked: list[str] = field(default_factory=list)

    @property
    def moved(self) -> int:
        """How many files were moved, renamed or touched: read, but neither new, copies nor renewed."""
        read = self.embedded + self.recognized
        return max(0, read - self.new - self.copies - self.renewed)

    @property
    def has_changed(self) -> bool:
        """Whether the library is another one now: files were read, went away, or are left out."""
        return any((self.embedded, self.recognized, self.absent, self.excluded))


DEFAULT_OPTIONS = IndexOptions()
