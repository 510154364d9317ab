"""The command that makes a data set one that is searched where it lies."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..errors import ExitCode
from ..output.console import stop_on_signal
from ..output.listing import Summary
from ..output.text import plural
from ..store.progress import Watch
from . import options as opt
from .bulk import SetArgument
from .groups import Topic, command
from .options import flag, value

if TYPE_CHECKING:
    from ..bulk.finish import FinishReport


@dataclass(frozen=True)
class Making:
    """How the index is made."""

    part_size: int | None = value(
        "--part-size", "N", "Photos in a part of the index; default: 10,000,000.", min=1
    )
    no_rerank: bool = flag(
        "--no-rerank", "Leave out the neighbors of each photo: searches rank by the score alone."
    )


@command(
    Topic.LIBRARY,
    "lookalike bulk finish /mnt/nas/set",
    "lookalike bulk finish s3://museum/set --no-rerank",
    group="bulk",
)
def finish(
    dataset: SetArgument, *, making: Making, form: opt.SummaryOption = opt.SummaryFormat.table
) -> Summary:
    """Make one library of what is done, searched where it lies.

    Then every command that reads takes it as --store. Finished again later, what is new is added. A run
    that is stopped goes on with the next one; meanwhile the library is as it was.
    """
    from ..bulk.extras import needing

    with needing():
        from ..bulk.dataset import DataSet

        data = DataSet.open(dataset)  # that there is none is told before what is missing to work on it
        from ..bulk.finish import PART_SIZE, FinishOptions
        from ..bulk.finish import finish as finish_set
        from ..bulk.fold import fold
    from ..output.progress import ProgressBar

    stop = stop_on_signal()
    options = FinishOptions(making.part_size or PART_SIZE, not making.no_rerank)
    with ProgressBar() as progress:
        watch = Watch(progress, stop)
        report = finish_set(data, partial(fold, data, watch=watch), options, watch)
    return Summary(
        {name: getattr(report, name) for name in report.__slots__},
        _lines(report, dataset),
        exit=ExitCode.DONE if report.is_done else ExitCode.INTERRUPTED,
    )


def _lines(report: "FinishReport", dataset: str) -> Iterator[str]:
    counted = f"{plural(report.photos, 'photo')}, {report.new:,} new"
    if not report.is_done:
        yield f"stopped early, finished work is kept: {counted}; finish again to go on"
        return
    index = f"index in {plural(report.parts, 'part')}"
    if report.recall is not None:
        index += f", recall@10 {report.recall:.4f}"
    yield f"{counted}; {index}; `lookalike search IMAGE --store {dataset}` searches it"
