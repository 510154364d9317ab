"""The options that several commands take, each declared once."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from ..library import Library, default_folder

if TYPE_CHECKING:
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


Repeatable = list[str] | None
Text = str | None

FormatOption = Annotated[
    Format,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="table, json, jsonl, csv, paths or paths0.",
        rich_help_panel=OUTPUT,
    ),
]
RowsOption = Annotated[
    Rows,
    typer.Option("--format", metavar="FORMAT", help="table, json, jsonl or csv.", rich_help_panel=OUTPUT),
]
SummaryOption = Annotated[
    SummaryFormat,
    typer.Option("--format", metavar="FORMAT", help="table or json.", rich_help_panel=OUTPUT),
]
EngineOption = Annotated[
    Engine,
    typer.Option(
        metavar="ENGINE",
        help="auto, onnx or torch: changes the speed, not the results.",
        rich_help_panel=ADVANCED,
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Photos processed in parallel; default: one per core, fewer if memory is small.",
        rich_help_panel=ADVANCED,
    ),
]
BelowArgument = Annotated[
    Repeatable, typer.Argument(metavar="DIR", help="Only photos below these folders.")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it; without, it is only shown.")]
DoItOption = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]


@dataclass(frozen=True)
class StoreArgs:
    """Which store a command reads."""

    panel: ClassVar[str] = ADVANCED

    store: Annotated[
        Text,
        typer.Option(
            "--store",
            metavar="DIR",
            envvar="LOOKALIKE_STORE",
            help="Folder of the library's store; default: in your user data folder.",
        ),
    ] = None

    @property
    def folder(self) -> str:
        """The folder of the store."""
        return self.store or default_folder()

    def reading(self, engine: str = "auto") -> Library:
        """Open the library for reading."""
        return Library.open(self.store, engine=engine)


@dataclass(frozen=True)
class WriteArgs(StoreArgs):
    """Which store a command writes to."""

    lock_timeout: Annotated[
        float,
        typer.Option(
            "--lock-timeout", min=0, metavar="SECONDS", help="How long to wait for another writer."
        ),
    ] = 10

    def writing(self, engine: str = "auto", *, create: bool = False) -> Library:
        """Open the library for writing. create: make it where there is none, to index."""
        return Library.open(
            self.store, create=create, write=not create, engine=engine, lock_timeout_s=self.lock_timeout
        )


@dataclass(frozen=True)
class Filters:
    """Which photos count."""

    panel: ClassVar[str] = "Filters"

    in_: Annotated[
        Repeatable,
        typer.Option("--in", metavar="DIR", help="Only photos below this folder; repeatable."),
    ] = None
    since: Annotated[
        Text,
        typer.Option(metavar="DATE", help="Only photos taken then or later: 2023, 2023-05, 2023-05-01."),
    ] = None
    until: Annotated[
        Text, typer.Option(metavar="DATE", help="Only photos taken then or earlier (included).")
    ] = None
    camera: Annotated[
        Repeatable,
        typer.Option("--camera", metavar="TEXT", help="Only photos of such a camera; repeatable."),
    ] = None
    min_size: Annotated[
        Text, typer.Option(metavar="SIZE", help="Only photos of at least 12MP, 2000x1500 or 3MB.")
    ] = None
    format_is: Annotated[
        Repeatable,
        typer.Option("--format-is", metavar="TYPE", help="Only photos of this type, as jpeg; repeatable."),
    ] = None
    near: Annotated[
        Text,
        typer.Option("--near", metavar="LAT,LON,KM", help="Only photos taken at most KM from this place."),
    ] = None
    condition: Annotated[
        Text,
        typer.Option(
            "--where", metavar="CONDITION", help='Only photos such as: "camera~Pixel and width>2000".'
        ),
    ] = None

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

    label: Annotated[
        Repeatable,
        typer.Option("--label", metavar="NAME", help="Only photos that likely show this; repeatable."),
    ] = None
    confidence: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, metavar="N", help="How sure a label must be; default: 0.8, of taught ones 0.5."
        ),
    ] = None
