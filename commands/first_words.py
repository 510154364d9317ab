"""What people type first who do not know the commands yet, and what to type instead."""

import os
import shlex
from collections.abc import Collection, Sequence

_INSTEAD = {
    "index ~/Pictures": ("add", "scan", "update", "init", "import", "refresh", "sync"),
    "search beach.jpg": ("find", "query", "similar", "lookup", "match"),
    "dupes": ("duplicates", "dups", "dedup", "dedupe", "duplicate", "copies"),
    "dupes --plan plan.json` and then `lookalike apply plan.json": (
        "delete",
        "remove",
        "rm",
        "clean",
        "cleanup",
        "move",
        "trash",
    ),
    "dupes --html report.html": ("report", "html"),
    "prune": ("free", "empty"),
    "export --format paths": ("list", "ls", "show", "photos", "files"),
    "status": ("info", "stats", "folders"),
    "explain a.jpg b.jpg": ("compare", "diff", "why"),
    "serve": ("gui", "web", "ui", "browse", "view", "open", "page", "start"),
    "index --watch": ("watch", "daemon"),
    "--help": ("hilfe", "aide", "ayuda", "usage"),
}
# So many of a name that is typed without quotes.
_WORDS = 8
# What is lost by these is not to be lost by a word that is only like them.
NEVER_GUESSED = {"purge", "forget", "reject"}


def instead_of(word: str, *more: str) -> str | None:
    """Return what to say to who types a word that is no command; None where there is nothing to guess.

    more: what was typed after it. A folder or a file among that takes the place of the one in the example.
    """
    for call, words in _INSTEAD.items():
        if word.lower() in words:
            return f"there is no command {word}; you may want `lookalike {_with_names(call, more)}`"
    if word.lower() in ("leak", "leaks"):
        return (
            "to compare two sets: `lookalike check TEST --copies --store STORE_OF_TRAIN`, or "
            "`lookalike.leaks` in Python"
        )
    if word.lower() == "uninstall":
        return (
            "what installed lookalike takes it away: `uv tool uninstall lookalike`, or pipx or pip likewise"
        )
    if os.path.isdir(word):
        name = shlex.quote(word)
        return f"{word} is a folder; `lookalike index {name}` puts its photos into the library"
    if os.path.isfile(word):
        return f"{word} is a file; `lookalike search {shlex.quote(word)}` finds photos like it"
    return None


def _with_names(call: str, typed: Sequence[str]) -> str:
    """Return an example with the names that were typed, where it is about folders or files as these are."""
    exists = {"~/Pictures": os.path.isdir, "beach.jpg": os.path.isfile}.get(call.partition(" ")[2])
    names = " ".join(shlex.quote(name) for name in typed if exists is not None and exists(name))
    return f"{call.partition(' ')[0]} {names}" if names else call


def file_not_option(option: str, typed: Sequence[str]) -> str:
    """Return what to add to "no such option" where a file that was typed begins like one; "" elsewhere."""
    names = [name for name in typed if option and name.startswith(option) and os.path.lexists(name)]
    return f" (the file is written {shlex.quote(f'./{names[0]}')})" if names else ""


def mistyped_option(typed: Sequence[str], names: Collection[str]) -> str:
    """Return what to add to "no such option" where one dash lacks: "-write"; "" elsewhere."""
    near = [f"-{each}" for each in typed if f"-{each}" in names]
    return f" (did you mean {near[0]}?)" if near else ""


def too_much(command: str, extra: Sequence[str], names: Collection[str]) -> str:
    """Return what to say of words that a command has no use for. names: of its options."""
    folders = [shlex.quote(each) for each in extra if os.path.isdir(each)]
    if folders and command == "serve":
        return f"serve shows the whole library; `lookalike index {folders[0]}` adds a folder to it"
    if folders and "--in" in names:
        return f"{command} takes a folder after --in: `lookalike {command} --in {folders[0]}`"
    return f"{command} takes nothing more, but there is also: {shlex.join(extra)}"


def torn_name(typed: Sequence[str], named: Sequence[str], extra: Sequence[str]) -> str | None:
    """Return what to say where a name with blanks was typed without quotes; None where none was.

    named: what was taken as a file or folder. extra: what the command has no use for. Where all that is
    named is there and nothing is left over, no name was torn, whatever other files are called.
    """
    pieces = {*extra, *(word for word in named if not os.path.lexists(word))}
    for start, word in enumerate(typed):
        if word[:1] == "-" or os.path.lexists(word):
            continue
        for end in range(start + 2, min(start + _WORDS, len(typed)) + 1):
            name = " ".join(typed[start:end])
            if pieces.intersection(typed[start:end]) and os.path.lexists(name):
                return f"put a name with blanks in quotes: {shlex.quote(name)}"
    return None


def instead_of_image(name: str) -> str | None:
    """Return what to say to who searches by what is no file; None where it may be a mistyped name."""
    if os.path.isdir(name):
        folder = shlex.quote(name)
        return (
            f"{name} is a folder: `--in {folder}` searches only there, `lookalike check {folder}` finds "
            "each of its photos in the library"
        )
    if os.path.lexists(name) or os.sep in name or os.path.splitext(name)[1] or name.startswith("id:"):
        return None
    words = name.split()
    labels = " ".join(f"--label {shlex.quote(word)}" for word in words[-1:])
    return (
        f"to find photos by words, use labels: `lookalike search {labels}`; `lookalike labels` lists those "
        "of your photos"
    )
