"""The command that finds the copies of a data set, with as many machines as there are."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated

from ..errors import ExitCode
from ..output.console import stop_on_signal
from ..output.listing import Summary
from ..output.text import plural
from ..store.documents import Row
from ..store.progress import Watch
from . import options as opt
from .bulk import SetArgument, Sharing
from .groups import Topic, command
from .options import flag

if TYPE_CHECKING:
    from ..bulk.copies import CopiesFound


CellsOption = Annotated[
    bool, flag("--cells", "Compare only what lies close together; says how much that finds.")
]


@command(
    Topic.COPIES,
    "lookalike bulk dupes /mnt/nas/set",
    "lookalike bulk dupes /mnt/nas/set --part $SLURM_ARRAY_TASK_ID/64",
    "lookalike bulk dupes s3://museum/set --ray auto --cells",
    group="bulk",
)
def dupes(
    dataset: SetArgument,
    *,
    cells: CellsOption = False,
    sharing: Sharing,
    form: opt.SummaryOption = opt.SummaryFormat.table,
) -> Summary:
    """Find the copies of a finished data set.

    What is done stays, whatever ends a run; later only what is new is compared. All are compared with
    all, to any size; that takes 80 hours of a core for ten million photos, a hundred times as long for a
    hundred million. --cells compares about a hundredth of the pairs, and says which share of the copies it
    finds. Part 0 puts together what all found. Then `lookalike dupes --store DATASET` lists the groups.
    """
    from ..bulk.extras import needing

    with needing():
        from ..bulk.dataset import DataSet

        data = DataSet.open(dataset)  # that there is none is told before what is missing to work on it
        from ..bulk.comparison import Comparison
        from ..bulk.copies import DataSetSource, Finder, fold_copies
        from ..bulk.finish import amend
    from ..output.progress import ProgressBar

    launcher, options = sharing.launcher(), sharing.options()
    stop = stop_on_signal()
    with ProgressBar() as progress:
        watch = Watch(progress, stop)
        comparison = Comparison.of(DataSetSource(data.place.url))
        finder = Finder(comparison, launcher, watch, options)
        found = finder.find(in_cells=cells)
        is_done = found is not None
        if is_done and (options.part is None or options.part.index == 0):
            is_done = amend(data, partial(fold_copies, comparison, watch=watch), watch).is_done
    if found is None or not is_done:
        return Summary({}, ["stopped early, finished work is kept"], exit=ExitCode.INTERRUPTED)
    return Summary(_fields(found), _lines(found, dataset))


def _fields(found: "CopiesFound") -> Row:
    return {name: getattr(found, name) for name in found.__slots__}


def _lines(found: "CopiesFound", dataset: str) -> Iterator[str]:
    compared = f"{plural(found.photos, 'photo')}, {plural(found.compared, 'pair')} compared"
    yield f"{compared}: {found.candidates:,} proven, {found.copies:,} are copies"
    if found.share is not None:
        yield f"compared within cells: finds about {found.share:.1%} of what comparing all would"
    yield f"`lookalike dupes --store {dataset}` lists the groups"
