"""The commands that look after the store: is it whole, bring it back, back it up."""

import sys

import typer

from ..errors import UsageError
from ..library import Library, default_folder
from ..output import listing
from ..output.console import say, say_document, tell
from . import options as opt

WAIT_S = 10.0


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: lookalike doctor --deep")(doctor)
    app.command(epilog="Example: lookalike repair --yes")(repair)
    app.command(epilog="Example: lookalike backup /media/usb/photos.lookalike-backup --thumbnails")(backup)
    app.command(epilog="Example: lookalike restore /media/usb/photos.lookalike-backup --yes")(restore)
    app.command(epilog="Example: lookalike compact")(compact)


def doctor(
    deep: opt.DeepOption = False,
    recall: opt.RecallOption = False,
    content: opt.ContentOption = False,
    sample: opt.SampleOption = "100%",
    form: opt.SummaryOption = opt.Summary.table,
    store: opt.StoreOption = None,
) -> None:
    """Check the program, the model and the store.

    Quick even for a large library; --deep reads every page, vector and thumbnail. --recall searches for
    some photos of the library and compares the answers with those of comparing all. --content reads the
    photos again and finds those whose bytes changed though size and time did not. Nothing is changed. Ends
    with 0 only when the store is whole.
    """
    from .doctor import RECALL_QUERIES, Wanted, examine

    findings = []
    for finding in examine(
        store, Wanted(deep, RECALL_QUERIES if recall else 0, _share(sample) if content else 0.0)
    ):
        findings.append({"level": finding.level, "what": finding.what, "message": finding.message})
        if form is opt.Summary.table:
            say(f"{finding.level:<6}  {finding.what:<10}  {listing.printable(finding.message)}")
    if form is opt.Summary.json:
        say_document({"findings": findings})
    if any(finding["level"] == "broken" for finding in findings):
        raise typer.Exit(1)


def _share(sample: str) -> float:
    try:
        share = float(sample.removesuffix("%")) / 100
    except ValueError:
        share = 0
    if not 0 < share <= 1:
        raise UsageError(f"--sample is a share of the files such as 5%, not {sample}")
    return share


def repair(
    from_backup: opt.FromBackupOption = None,
    yes: opt.DoItOption = False,
    lock_timeout: opt.LockTimeoutOption = WAIT_S,
    store: opt.StoreOption = None,
) -> None:
    """Bring a damaged store back, as far as that goes.

    All that can be read of the catalog is saved into a new one; the damaged one is kept beside it. Photos
    that lost their vector are embedded again by the next index run. Snapshots and thumbnails are made anew.
    Photos are never touched. With --from-backup, a backup takes the catalog's place instead.
    """
    from ..store.care.repair import damage_of
    from ..store.care.repair import repair as repair_store

    folder = store or default_folder()
    if from_backup is not None:
        _restore(from_backup, folder, yes, lock_timeout)
        return
    damage = damage_of(folder)
    if not damage:
        say("the store is whole: nothing to repair")
        return
    for each in damage:
        tell(each)
    _ask(f"repair the store {folder}? The damaged catalog is kept beside the new one", yes)
    done = repair_store(folder, lock_timeout)
    for sentence in done.said:
        say(listing.printable(sentence))
    say(f"the store holds {done.photos:,} photos and {done.decisions:,} decisions")


def backup(
    file: opt.BackupArgument, thumbnails: opt.ThumbnailsOption = False, store: opt.StoreOption = None
) -> None:
    """Write all that the store knows into one FILE, also while photos are indexed.

    The catalog with all vectors and your decisions; photos are not part of it. A backup in FILE is replaced
    when the new one is complete, any other file is left alone.
    """
    with Library.open(store) as library:
        made = library.backup(file, thumbnails=thumbnails)
    size = made.catalog.size + (made.thumbs.size if made.thumbs else 0)
    tell(f"{made.photos:,} photos and {made.decisions:,} decisions in {file} ({listing.file_size(size)})")


def restore(
    file: opt.BackupArgument,
    yes: opt.DoItOption = False,
    lock_timeout: opt.LockTimeoutOption = WAIT_S,
    store: opt.StoreOption = None,
) -> None:
    """Put the backup FILE in the place of the store.

    Every byte of it is checked first. The catalog that was there is kept beside it.
    """
    _restore(file, store or default_folder(), yes, lock_timeout)


def _restore(file: str, folder: str, yes: bool, lock_timeout: float) -> None:
    from ..store.care.backup import read_backup
    from ..store.care.backup import restore as restore_backup

    made = read_backup(file)
    tell(f"{file}: {made.photos:,} photos and {made.decisions:,} decisions, made {made.made_at}")
    _ask(f"put it in the place of the store {folder}? The catalog that is there is kept beside", yes)
    kept = restore_backup(file, folder, lock_timeout)
    tell(f"restored to {folder}" + (f"; the catalog that was there is {kept}" if kept else ""))


def compact(lock_timeout: opt.LockTimeoutOption = WAIT_S, store: opt.StoreOption = None) -> None:
    """Give back the room that the store no longer needs."""
    from ..store.care.compact import compact as compact_store

    done = compact_store(store or default_folder(), lock_timeout)
    before, after = listing.file_size(done.before), listing.file_size(done.after)
    tell(f"{done.freed:,} bytes freed: {before} -> {after}")


def _ask(question: str, yes: bool) -> None:
    """Go on if the user says so.

    Raises:
        UsageError: there is nobody to ask.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nothing was changed: this needs your word, say it with --yes")
    if not typer.confirm(listing.printable(question), err=True):
        raise UsageError("nothing was changed")
