"""The options of the command line, each defined once."""

from enum import StrEnum
from typing import Annotated

import typer


class Format(StrEnum):
    """How a listing is written."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    paths = "paths"
    paths0 = "paths0"


class Rows(StrEnum):
    """How a listing is written whose rows are no files."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"


class Summary(StrEnum):
    """How a summary is written."""

    table = "table"
    json = "json"


class Order(StrEnum):
    """In what order photos are listed."""

    time = "time"
    newest = "-time"
    path = "path"


class Method(StrEnum):
    """What becomes of a file that goes."""

    auto = "auto"
    trash = "trash"
    quarantine = "quarantine"
    hardlink = "hardlink"
    symlink = "symlink"
    reflink = "reflink"


class Engine(StrEnum):
    """What runs the network."""

    auto = "auto"
    onnx = "onnx"
    torch = "torch"


StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="DIR",
        envvar="LOOKALIKE_STORE",
        help="Folder of the library's store; default: in your user data folder.",
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to write the list.")]
RowsOption = Annotated[Rows, typer.Option("--format", help="How to write the list.")]
SummaryOption = Annotated[Summary, typer.Option("--format", help="How to write the summary.")]
EngineOption = Annotated[Engine, typer.Option(help="Changes the speed, not the results.")]

# Which photos.
InOption = Annotated[
    list[str] | None,
    typer.Option("--in", metavar="DIR", help="Only photos below this folder; may be repeated."),
]
SinceOption = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="Only photos taken then or later: 2023, 2023-05, 2023-05-01."),
]
UntilOption = Annotated[
    str | None, typer.Option(metavar="DATE", help="Only photos taken then or earlier (included).")
]
CameraOption = Annotated[
    list[str] | None,
    typer.Option("--camera", metavar="TEXT", help="Only photos of cameras so called; may be repeated."),
]
MinSizeOption = Annotated[
    str | None, typer.Option(metavar="SIZE", help="Only photos of at least 12MP, 2000x1500 or 3MB.")
]
FormatIsOption = Annotated[
    list[str] | None,
    typer.Option("--format-is", metavar="FORMAT", help="Only photos of this format; may be repeated."),
]
NearOption = Annotated[
    str | None,
    typer.Option("--near", metavar="LAT,LON,KM", help="Only photos taken at most KM from this place."),
]
WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where", metavar="CONDITION", help='Only photos such as: "camera~Pixel and width>2000".'
    ),
]
BelowArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[PATH]...", help="Only photos below these folders.")
]

LabelOption = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="NAME", help="Only photos that likely show this; may be repeated."),
]
ConfidenceOption = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="How sure a label must be; default: 0.8, of taught ones 0.5."),
]
TreeOption = Annotated[bool, typer.Option("--tree", help="Show labels below what they are a kind of.")]

# teach.
TaughtArgument = Annotated[str | None, typer.Argument(metavar="[NAME]", help="What to call it.")]
ShowsOption = Annotated[
    list[str] | None,
    typer.Option("--yes", metavar="IMAGE", help="This shows it: a file, id:N, or a folder; repeatable."),
]
ShowsNotOption = Annotated[
    list[str] | None,
    typer.Option("--no", metavar="IMAGE", help="This does not, though it may look so; repeatable."),
]
TestOption = Annotated[
    str | None, typer.Option("--test", metavar="NAME", help="Say how good a taught label is.")
]
ForgetOption = Annotated[
    str | None, typer.Option("--forget", metavar="NAME", help="Forget a taught label.")
]
ListTaughtOption = Annotated[bool, typer.Option("--list", help="List the taught labels.")]

# index: what belongs to the library.
PathsArgument = Annotated[list[str], typer.Argument(metavar="PATH...", help="Folders, or single photos.")]
ExcludeOption = Annotated[
    list[str] | None, typer.Option(metavar="GLOB", help="Leave these out; may be repeated.")
]
HiddenOption = Annotated[bool, typer.Option("--hidden", help="Enter folders that begin with a dot.")]
OneFilesystemOption = Annotated[
    bool, typer.Option("--one-filesystem", help="Stay on the drive of each PATH.")
]
FollowOption = Annotated[bool, typer.Option("--follow", help="Follow links to files and folders.")]
EveryFileOption = Annotated[
    bool, typer.Option("--all-files", help="Look into every file, not only those named as photos.")
]
RetryOption = Annotated[
    bool, typer.Option("--retry-failed", help="Read unreadable files again though unchanged.")
]
AcceptMissingOption = Annotated[
    int, typer.Option(min=0, metavar="N", help="Believe that up to N photos are really gone.")
]
AcceptDriveOption = Annotated[
    bool, typer.Option("--accept-drive", help="Believe that a folder is on another drive now.")
]
MarkerOption = Annotated[
    bool, typer.Option("--marker", help="Write a marker file by which a folder's drive is known again.")
]
RegionsOption = Annotated[
    bool, typer.Option("--regions", help="Read photos again that `search --box` cannot look into yet.")
]
WorkersOption = Annotated[
    int | None,
    typer.Option(min=1, help="Photos in work at a time; default: one per core, fewer if memory is small."),
]

# index: the embedder of a new store.
ModelOption = Annotated[str | None, typer.Option(help="For a new store, see `lookalike models`.")]
InputSizeOption = Annotated[int | None, typer.Option(help="For a new store: input size in pixels.")]
InputRuleOption = Annotated[
    str | None, typer.Option(metavar="RULE", help="For a new store: fit, squash or crop.")
]
WeightsOption = Annotated[
    str | None, typer.Option(metavar="FILE", help="For a new store: a checkpoint of your own.")
]
WidthMultOption = Annotated[float | None, typer.Option(help="Width multiplier of that checkpoint.")]

# dupes, export, models.
OrderOption = Annotated[
    Order | None,
    typer.Option("--sort", help="Order of the files; -time: newest first."),
]
SimilarOption = Annotated[bool, typer.Option("--similar", help="Also list groups of look-alikes.")]
GroupScoreOption = Annotated[
    float,
    typer.Option("--min-score", min=0, max=1, help="Cosine of look-alikes to their group's first."),
]
KeepOption = Annotated[
    str | None,
    typer.Option(
        metavar="RULES",
        help="What decides which file is kept: resolution,companions,format,quality,metadata,oldest,path.",
    ),
]
PreferOption = Annotated[
    list[str] | None, typer.Option(metavar="DIR", help="Keep files below this folder; may be repeated.")
]
ProtectOption = Annotated[
    list[str] | None,
    typer.Option(metavar="DIR", help="Never give up files below this folder; may be repeated."),
]
MaxFalseOption = Annotated[
    float, typer.Option(min=0, metavar="N", help="How many wrong pairs may be expected among all.")
]
PlanOption = Annotated[
    str | None, typer.Option(metavar="FILE", help="Write what `apply` can do to this file (JSON).")
]
HtmlOption = Annotated[
    str | None,
    typer.Option("--html", metavar="FILE", help="Write a page to review the groups and export a plan."),
]

# apply, undo, prune.
PlanArgument = Annotated[
    str, typer.Argument(metavar="PLAN", help="What `dupes --plan` or the page wrote (`-`: stdin).")
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do it; without, it is only shown.")]
MethodOption = Annotated[Method, typer.Option(help="Where files go; links take the place of exact copies.")]
IncludeSimilarOption = Annotated[
    bool, typer.Option("--include-similar", help="Selected look-alikes may go, too.")
]
QuarantineOption = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="Put the quarantine there; default: at the top of the library."),
]
RunArgument = Annotated[
    str | None,
    typer.Argument(metavar="[JOURNAL]", help="Name of a run; default: the newest that still stands."),
]
FromOption = Annotated[
    list[str] | None,
    typer.Option("--from", metavar="DIR", help="Also look for the files there; may be repeated."),
]
ListOption = Annotated[bool, typer.Option("--list", help="List what was done so far, newest first.")]
OlderOption = Annotated[
    str, typer.Option("--older-than", metavar="TIME", help="Only what lies there so long: 30d, 12h, 0d.")
]
OnlyRunOption = Annotated[
    str | None, typer.Option("--run", metavar="JOURNAL", help="Only what this run moved.")
]

# forget, purge.
ForgetArgument = Annotated[
    list[str], typer.Argument(metavar="PATH...", help="Folders of the library, or parts of them.")
]
MissingForOption = Annotated[
    str, typer.Option("--missing-for", metavar="TIME", help="Only what is missing so long: 30d, 12h, 0d.")
]

# check, explain, decisions.
NewArgument = Annotated[
    list[str], typer.Argument(metavar="NEW...", help="Photos, or folders of photos, indexed or not.")
]
AgainstOption = Annotated[
    list[str] | None,
    typer.Option(metavar="DIR", help="Only photos of the library below this folder count; repeatable."),
]
OnlyNewOption = Annotated[
    bool, typer.Option("--new", help="List what is not in the library instead of what is.")
]
PictureArgument = Annotated[str, typer.Argument(help="An image file, in the library or not, or id:N.")]
SheetOption = Annotated[
    str | None,
    typer.Option("--image", metavar="FILE.png", help="Draw both, overlaid, and where they differ."),
]
DecidedArgument = Annotated[
    str, typer.Argument(help="A photo: its path, id:N, or the blake3 of its content.")
]
ImportOption = Annotated[
    str | None,
    typer.Option("--import", metavar="FILE", help="Take over decisions from a listing (json or jsonl)."),
]
VectorsOption = Annotated[
    str | None, typer.Option(metavar="FILE.npz", help="Also write the embeddings to this file.")
]
BenchOption = Annotated[bool, typer.Option("--bench", help="Measure the speed of those that are here.")]
FetchOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Download the official weights of this model.")
]

# care: doctor, repair, backup, restore, compact.
DeepOption = Annotated[bool, typer.Option("--deep", help="Read every page, vector and thumbnail.")]
RecallOption = Annotated[
    bool, typer.Option("--recall", help="Measure what searches find of what they should.")
]
ContentOption = Annotated[bool, typer.Option("--content", help="Also read the photos again, for bit rot.")]
SampleOption = Annotated[
    str, typer.Option(metavar="SHARE", help="With --content: only a share of the files, such as 5%.")
]
FromBackupOption = Annotated[
    str | None, typer.Option("--from-backup", metavar="FILE", help="Put this backup in the store's place.")
]
DoItOption = Annotated[bool, typer.Option("--yes", help="Do it without asking.")]
BackupArgument = Annotated[str, typer.Argument(metavar="FILE", help="The backup: one file.")]
ThumbnailsOption = Annotated[bool, typer.Option("--thumbnails", help="Put the thumbnails in, too.")]
LockTimeoutOption = Annotated[
    float,
    typer.Option("--lock-timeout", min=0, metavar="SECONDS", help="How long to wait for another writer."),
]
AllowNetworkOption = Annotated[
    bool,
    typer.Option("--allow-network-store", help="Make the store on a network drive at your own risk."),
]
