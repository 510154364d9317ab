"""The commands that look after the store: is it whole, recover it, back it up."""

import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ExitCode, StoreMissing, UsageError
from ..output.console import tell
from ..output.listing import Listing, Summary
from ..output.manners import is_verbose
from ..output.text import file_size, plural, printable
from ..store.documents import Row
from . import options as opt
from .groups import Topic, command
from .options import argument, flag, value

if TYPE_CHECKING:
    from ..store.care.backup import Backup

# --- doctor -----------------------------------------------------------------------------------

DeepOption = Annotated[bool, flag("--deep", "Read every page, vector and thumbnail.")]
RecallOption = Annotated[bool, flag("--recall", "Measure what searches find of what they should.")]
ContentOption = Annotated[bool, flag("--content", "Also read the photos again, for bit rot.")]
SampleOption = Annotated[
    str, value("--sample", "SHARE", "With --content: only a share of the files, such as 5%.")
]


@command(
    Topic.CARE, "lookalike doctor", "lookalike doctor --deep", "lookalike doctor --content --sample 5%"
)
def doctor(
    deep: DeepOption = False,
    recall: RecallOption = False,
    content: ContentOption = False,
    sample: SampleOption = "100%",
    *,
    form: opt.SummaryOption = opt.SummaryFormat.table,
    at: opt.StoreArgs,
) -> Listing:
    """Check the program, the model and the store.

    Quick even for a large library; --deep reads every page, vector and thumbnail. --recall searches for
    some photos of the library and compares the answers with those of comparing all. --content reads the
    photos again and finds those whose bytes changed though size and time did not. Nothing is changed. Only
    what needs a look is listed, with -v all. Ends with 0 only when the store is whole.
    """
    from .doctor import RECALL_QUERIES, Wanted, examine

    wanted = Wanted(deep, RECALL_QUERIES if recall else 0, _share(sample) if content else 0.0)
    broken = []
    asked = {name for name, is_wanted in (("recall", recall), ("content", content)) if is_wanted}

    def rows() -> Iterator[Row]:
        for finding in examine(at.store, wanted):
            if finding.level == "broken":
                broken.append(finding)
            yield {"level": finding.level, "what": finding.what, "message": finding.message}

    def lines(rows: Iterable[Row]) -> Iterator[str]:
        fine, others = 0, 0
        for row in rows:
            fine, others = fine + (row["level"] == "ok"), others + (row["level"] != "ok")
            if row["level"] != "ok" or row["what"] in asked or is_verbose():
                yield f"{row['level']:<6}  {row['what']:<10}  {printable(row['message'])}"
        if not is_verbose():
            what = "all other checks are fine" if others else "all is well"
            yield f"{what} ({plural(fine, 'check')}; -v lists them)"

    def end() -> ExitCode:
        return ExitCode.ERROR if broken else ExitCode.DONE

    return Listing("findings", rows(), lines, ("level", "what", "message"), exit=end)


def _share(sample: str) -> float:
    try:
        share = float(sample.removesuffix("%")) / 100
    except ValueError:
        share = 0
    if not 0 < share <= 1:
        raise UsageError(f"--sample is a share of the files such as 5%, not {sample}")
    return share


# --- repair, backup, restore, compact ---------------------------------------------------------

FromBackupOption = Annotated[
    opt.Text, value("--from-backup", "FILE", "Put this backup in the store's place.")
]
BackupArgument = Annotated[str, argument("FILE", "The backup: one file.")]
ThumbnailsOption = Annotated[bool, flag("--thumbnails", "Put the thumbnails in, too.")]


@command(Topic.CARE, "lookalike repair", "lookalike repair --from-backup photos.lookalike-backup")
def repair(
    from_backup: FromBackupOption = None, yes: opt.DoItOption = False, *, at: opt.WriteArgs
) -> Summary | None:
    """Recover a damaged store as far as possible.

    All that can be read of the catalog is saved into a new one; the damaged one is kept beside it. Photos
    that lost their vector are embedded again by the next index run. Snapshots and thumbnails are made anew.
    Photos are never touched. With --from-backup, a backup takes the catalog's place instead; a store that
    is whole is not taken back so, but by `restore`.
    """
    from ..store.care.repair import damage_of
    from ..store.care.repair import repair as repair_store

    if from_backup is not None:
        _refuse_whole(from_backup, at)
        _restore(from_backup, yes, at)
        return None
    damage = damage_of(at.local_folder)
    if not damage:
        return Summary({}, ["the store is whole: nothing to repair"])
    for each in damage:
        tell(each)
    _ask(f"repair the store {at.folder}? The damaged catalog is kept beside the new one", yes)
    done = repair_store(at.folder, at.lock_timeout)
    kept = f"the store contains {plural(done.photos, 'photo')} and {plural(done.decisions, 'decision')}"
    return Summary({}, [*map(printable, done.said), kept])


@command(Topic.CARE, "lookalike backup /media/usb/photos.lookalike-backup --thumbnails")
def backup(file: BackupArgument, thumbnails: ThumbnailsOption = False, *, at: opt.StoreArgs) -> None:
    """Write the whole store to one backup file.

    The catalog with all vectors and your decisions, also while photos are indexed; photos are not part of
    it. A backup in FILE is replaced when the new one is complete, which is told; any other file is left
    alone.
    """
    from ..store.care.backup import backup_at

    with at.reading() as library:
        before = backup_at(file)
        made = library.backup(file, thumbnails=thumbnails)
    tell(f"{_contents(made)} in {file} ({_size(made)})")
    if before is not None:
        older = f"{_contents(before)}, made {before.made_at} ({_size(before)})"
        tell(f"the backup that was there is replaced: {older}")


@command(Topic.CARE, "lookalike restore /media/usb/photos.lookalike-backup")
def restore(file: BackupArgument, yes: opt.DoItOption = False, *, at: opt.WriteArgs) -> None:
    """Put a backup in the place of the store.

    Every byte of it is checked first. The catalog that was there is kept beside it.
    """
    _restore(file, yes, at)


def _refuse_whole(file: str, at: opt.WriteArgs) -> None:
    """Let only a damaged store, or one that is not there, be replaced by `repair`.

    Raises:
        UsageError: the store is whole, and would lose what was done since.
    """
    from ..store.care.repair import damage_of

    with suppress(StoreMissing):
        if not damage_of(at.local_folder):
            call = at.call(f"restore {shlex.quote(file)}")
            raise UsageError(
                f"the store is whole: nothing to repair; `{call}` takes it back to that backup"
            )


def _restore(file: str, yes: bool, at: opt.WriteArgs) -> None:
    from ..store.care.backup import read_backup
    from ..store.care.backup import restore as restore_backup

    made = read_backup(file)
    tell(f"{file}: {_contents(made)}, made {made.made_at}")
    _ask(
        f"put it in the place of the store {at.local_folder}? The catalog that is there is kept beside", yes
    )
    kept = restore_backup(file, at.folder, at.lock_timeout)
    tell(f"restored to {at.folder}" + (f"; the catalog that was there is {kept}" if kept else ""))


def _size(made: "Backup") -> str:
    with_thumbnails = ", with thumbnails" if made.thumbs else ""
    return file_size(made.catalog.size + (made.thumbs.size if made.thumbs else 0)) + with_thumbnails


def _contents(made: "Backup") -> str:
    return f"{plural(made.photos, 'photo')} and {plural(made.decisions, 'decision')}"


@command(Topic.CARE, "lookalike compact")
def compact(*, at: opt.WriteArgs) -> None:
    """Shrink the database files.

    They are written anew without the room that the store no longer needs.
    """
    from ..store.care.compact import compact as compact_store

    done = compact_store(at.local_folder, at.lock_timeout)
    tell(f"{plural(done.freed, 'byte')} freed: {file_size(done.before)} -> {file_size(done.after)}")


def _ask(question: str, yes: bool) -> None:
    """Go on if the user says so.

    Raises:
        UsageError: there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nothing was changed: --yes does it without asking")
    if not typer.confirm(printable(question), err=True):
        raise UsageError("nothing was changed")
