"""What people type first who do not know the commands yet, and what to type instead."""

import os
import shlex
from collections.abc import Sequence

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
