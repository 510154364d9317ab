"""What people type first who do not know the commands yet, and what to type instead."""

import os
import shlex

_INSTEAD = {
    "index ~/Pictures": ("add", "scan", "update", "init", "import", "refresh"),
    "search beach.jpg": ("find", "query", "similar", "lookup", "match"),
    "dupes": ("duplicates", "dups", "dedup", "dedupe", "duplicate", "copies"),
    "dupes --plan plan.json` and then `lookalike apply plan.json": (
        "delete",
        "remove",
        "rm",
        "clean",
        "move",
    ),
    "export --format paths": ("list", "ls", "show", "photos", "files"),
    "status": ("info", "stats", "folders"),
    "explain a.jpg b.jpg": ("compare", "diff", "why"),
    "serve": ("gui", "web", "ui", "browse", "view", "open"),
    "index --watch": ("watch", "daemon"),
}


def instead_of(word: str) -> str | None:
    """Return what to say to who types a word that is no command; None where there is nothing to guess."""
    for call, words in _INSTEAD.items():
        if word.lower() in words:
            return f"there is no command {word}; you may want `lookalike {call}`"
    if os.path.isdir(word):
        name = shlex.quote(word)
        return f"{word} is a folder; `lookalike index {name}` puts its photos into the library"
    if os.path.isfile(word):
        return f"{word} is a file; `lookalike search {shlex.quote(word)}` finds photos like it"
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
