"""The options that several commands take, each declared once."""

import os
import shlex
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from ..errors import NeedsLocalStore, StoreMissing
from ..library import Library, default_folder, is_data_set
from ..output.manners import Manners
from .settings import STORE, read_settings

if TYPE_CHECKING:
    from ..indexer.scan.walk import ScanOptions
    from ..search.filters.filters import FilterSpec
    from ..store.filters.where import Where

# Panels of the help.
OUTPUT, ADVANCED = "Order and output", "Advanced"


class Format(StrEnum):
    """How a list is written."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    paths = "paths"
    paths0 = "paths0"


class Rows(StrEnum):
    """How a list is written whose rows are no files."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"


class SummaryFormat(StrEnum):
    """How a summary is written."""

    table = "table"
    json = "json"


class Engine(StrEnum):
    """What runs the network."""

    auto = "auto"
    onnx = "onnx"
    torch = "torch"


class Device(StrEnum):
    """Where torch computes."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


Repeatable = list[str] | None
Text = str | None


def argument(metavar: str, text: str) -> Any:
    """Declare an argument: as the default of a field, or in `Annotated`."""
    return _declared(typer.Argument(metavar=metavar, help=text), None)


def flag(*names_and_text: str, panel: str | None = None) -> Any:
    """Declare an option that takes no value: its names, then what it does."""
    *names, text = names_and_text
    return _declared(typer.Option(*names, help=text, rich_help_panel=panel), False)


def value(
    name: str, metavar: str, text: str, default: Any = None, *, panel: str | None = None, **more: Any
) -> Any:
    """Declare an option that takes a value. default: of a field. more: as for typer, such as min."""
    option = typer.Option(name, metavar=metavar, help=text, rich_help_panel=panel, **more)
    return _declared(option, default)


def _declared(option: Any, default: Any) -> Any:
    return field(default=default, metadata={"option": option})


FormatOption = Annotated[
    Format, value("--format", "FORMAT", "table, json, jsonl, csv, paths or paths0.", panel=OUTPUT)
]
RowsOption = Annotated[Rows, value("--format", "FORMAT", "table, json, jsonl or csv.", panel=OUTPUT)]
SummaryOption = Annotated[SummaryFormat, value("--format", "FORMAT", "table or json.", panel=OUTPUT)]
JsonOption = Annotated[bool, flag("--json", "The same as --format json.", panel=OUTPUT)]
EngineOption = Annotated[
    Engine,
    value("--engine", "ENGINE", "auto, onnx or torch: changes the speed, not the results.", panel=ADVANCED),
]
DeviceOption = Annotated[
    Device,
    value(
        "--device",
        "DEVICE",
        "auto, cpu or cuda: where torch computes; cuda is a GPU, and takes the engine torch.",
        panel=ADVANCED,
    ),
]
WorkersOption = Annotated[
    int | None,
    value(
        "--workers",
        "N",
        "Photos processed in parallel; default: one per core, fewer if memory is small.",
        min=1,
        panel=ADVANCED,
    ),
]
ConfidenceOption = Annotated[
    float | None,
    value("--confidence", "N", "How sure a label must be; default: 0.8, of taught ones 0.5.", min=0, max=1),
]
BelowArgument = Annotated[Repeatable, argument("DIR", "Only photos below these folders.")]
YesOption = Annotated[bool, flag("--yes", "Do it; without, it is only shown.")]
DoItOption = Annotated[bool, flag("--yes", "Do it without asking.")]


@dataclass(frozen=True)
class StoreArgs:
    """Which store a command reads."""

    panel: ClassVar[str] = ADVANCED

    store: Text = value(
        "--store",
        "DIR",
        "Folder of the library's store, or a data set; default: in your user data folder.",
        envvar=STORE,
    )

    @property
    def folder(self) -> str:
        """The folder of the store."""
        return self.store or default_folder()

    @property
    def local_folder(self) -> str:
        """The folder of the store, for what changes its files.

        Raises:
            NeedsLocalStore: it is a data set.
        """
        if is_data_set(self.folder):
            raise NeedsLocalStore(self.folder)
        return self.folder

    @property
    def is_there(self) -> bool:
        """Whether something has been made in the folder, or it is a data set."""
        return is_data_set(self.folder) or os.path.lexists(os.path.join(self.folder, "catalog.db"))

    @property
    def when_empty(self) -> str:
        """What to say of a library without photos."""
        return f"the library is empty; `{self.call('index YOUR_PHOTOS')}` fills it"

    @property
    def is_usual(self) -> bool:
        """Whether it is the store that commands take where none is named."""
        return self.folder in (read_settings().values.get("store"), default_folder())

    def call(self, words: str) -> str:
        """Return what to type for a command on this store. words: the command and its options."""
        more = "" if self.is_usual else f" --store {shlex.quote(self.folder)}"
        return f"lookalike {words}{more}"

    def reading(self, engine: str = "auto") -> Library:
        """Open the library for reading."""
        return self._opened(engine=engine)

    def _opened(self, **how: Any) -> Library:
        try:
            return Library.open(self.store, **how)
        except StoreMissing as error:
            if self.is_there:
                raise
            folder, call = os.path.abspath(self.folder), self.call("index YOUR_PHOTOS")
            raise StoreMissing(f"there is no store in {folder}; make one with `{call}`") from error


@dataclass(frozen=True)
class WriteArgs(StoreArgs):
    """Which store a command writes to."""

    lock_timeout: float = value(
        "--lock-timeout", "SECONDS", "How long to wait for another writer.", 10, min=0
    )

    def writing(self, engine: str = "auto", *, create: bool = False) -> Library:
        """Open the library for writing. create: make it where there is none, to index."""
        return self._opened(
            create=create, write=not create, engine=engine, lock_timeout_s=self.lock_timeout
        )


@dataclass(frozen=True)
class Telling:
    """How much is told, and where; every command takes it, before its name, too."""

    panel: ClassVar[str] = ADVANCED

    quiet: bool = flag("-q", "--quiet", "No progress and no closing summary, as for cron.")
    verbose: bool = flag("-v", "--verbose", "Tell more on stderr.")
    log_file: Text = value("--log-file", "FILE", "Append what is told to FILE, with the time.")

    def manners(self) -> Manners:
        """Return what was given."""
        return Manners(self.quiet, self.verbose, self.log_file)


@dataclass(frozen=True)
class Scan:
    """Which files belong to the library."""

    panel: ClassVar[str] = "Which files"

    exclude: Repeatable = value("--exclude", "GLOB", "Leave these out; repeatable.")
    hidden: bool = flag("--hidden", "Enter folders that begin with a dot.")
    one_filesystem: bool = flag("--one-filesystem", "Stay on the drive of each PATH.")
    follow: bool = flag("--follow", "Follow links to files and folders.")
    all_files: bool = flag("--all-files", "Look into every file, not only those named as photos.")

    def options(self) -> "ScanOptions":
        """Return what was given."""
        from ..indexer.scan.walk import ScanOptions

        return ScanOptions(
            tuple(self.exclude or ()), self.hidden, self.one_filesystem, self.follow, self.all_files
        )


@dataclass(frozen=True)
class Filters:
    """Which photos count."""

    panel: ClassVar[str] = "Filters"

    in_: Repeatable = value("--in", "DIR", "Only photos below this folder; repeatable.")
    since: Text = value("--since", "DATE", "Only photos taken then or later: 2023, 2023-05, 2023-05-01.")
    until: Text = value("--until", "DATE", "Only photos taken then or earlier (included).")
    camera: Repeatable = value("--camera", "TEXT", "Only photos of such a camera; repeatable.")
    min_size: Text = value("--min-size", "SIZE", "Only photos of at least 12MP, 2000x1500 or 3MB.")
    format_is: Repeatable = value("--format-is", "TYPE", "Only photos of this type, as jpeg; repeatable.")
    near: Text = value("--near", "LAT,LON,KM", "Only photos taken at most KM from this place.")
    condition: Text = value("--where", "CONDITION", 'Only photos such as: "camera~Pixel and width>2000".')

    def spec(self, folders: list[str] | None = None) -> "FilterSpec":
        """Return what was given. folders: more of them, any of which a photo may be below."""
        from ..search.filters.filters import FilterSpec

        return FilterSpec(
            [*(folders or ()), *(self.in_ or ())],
            self.since,
            self.until,
            self.camera or (),
            self.min_size,
            self.format_is or (),
            self.near,
            self.condition,
        )

    def of(self, library: Library, folders: list[str] | None = None) -> "Where":
        """Return the filter for a library.

        Raises:
            UsageError: a folder lies outside of the library, or an option cannot be read.
        """
        return library.where(**asdict(self.spec(folders)))


@dataclass(frozen=True)
class Shows:
    """What photos are to show."""

    panel: ClassVar[str] = "Filters"

    label: Repeatable = value("--label", "NAME", "Only photos that likely show this; repeatable.")
    confidence: ConfidenceOption = None
