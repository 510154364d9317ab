"""The options of `lookalike search`, each defined once."""

from enum import StrEnum
from typing import Annotated

import typer


class PreviewAs(StrEnum):
    """How pictures are shown in a terminal."""

    auto = "auto"
    kitty = "kitty"
    iterm = "iterm"
    sixel = "sixel"
    blocks = "blocks"


class Sort(StrEnum):
    """In what order the photos found come."""

    score = "score"
    time = "time"
    newest = "-time"
    path = "path"


# search.
ImagesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="IMAGE...", help="Image files, `-` for bytes on stdin, or id:N."),
]
CountOption = Annotated[int, typer.Option("-k", min=1, help="Number of neighbors per query.")]
MinScoreOption = Annotated[
    float, typer.Option(min=-1, max=1, help="Leave out neighbors with a lower cosine.")
]
PlainOption = Annotated[
    bool, typer.Option("--plain", help="Rank by the score alone, not by neighbors of neighbors.")
]
IncludeCopiesOption = Annotated[
    bool, typer.Option("--include-copies", help="Show all proven copies of a photo, not one of them.")
]
SortOption = Annotated[
    Sort,
    typer.Option("--sort", help="Order of the neighbors; -time: newest first."),
]
DiverseOption = Annotated[bool, typer.Option("--diverse", help="Spread the neighbors over scenes.")]
IncludeSelfOption = Annotated[
    bool, typer.Option("--include-self", help="Let a photo of the library find itself.")
]
AllFilesOption = Annotated[
    bool, typer.Option("--all-files", help="Name every file of a photo, not only one.")
]
FilesFromOption = Annotated[
    str | None, typer.Option(metavar="FILE", help="Read names of queries from FILE (`-`: stdin).")
]
NullOption = Annotated[bool, typer.Option("-0", "--null", help="Names in FILE end with NUL.")]

# search: several examples.
TogetherOption = Annotated[
    bool, typer.Option("--together", help="One answer for all images, not one for each.")
]
WeightOption = Annotated[
    str | None,
    typer.Option("--weight", metavar="N,N,...", help="How much each image counts; implies --together."),
]
MinusOption = Annotated[
    list[str] | None,
    typer.Option("--minus", metavar="IMAGE", help="Less like this; implies --together, repeatable."),
]
MoreOption = Annotated[
    str | None,
    typer.Option("--more", metavar="N,N,...", help="Go on with the last search: more like these results."),
]
LessOption = Annotated[
    str | None, typer.Option("--less", metavar="N,N,...", help="The same: less like these results.")
]

# search: results as pictures.
ContactSheetOption = Annotated[
    str | None,
    typer.Option("--sheet", metavar="FILE", help="Draw the results to this file (.jpg, .png or .webp)."),
]
PreviewOption = Annotated[
    bool, typer.Option("--preview", help="Show the results as pictures in the terminal, too.")
]
PreviewAsOption = Annotated[
    PreviewAs, typer.Option("--preview-as", help="How, where the terminal is not told rightly.")
]

# search: a part of a picture.
BoxOption = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y,W,H", help="Search for this part of each image: pixels, or percent 10%,20%,30%,40%."
    ),
]
PartOption = Annotated[
    bool, typer.Option("--part", help="Each image is itself a part: find the photos that show it.")
]
