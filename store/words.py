"""Words for messages."""


def plural(count: int, singular: str, several: str | None = None) -> str:
    """Return a count with its noun: "1 file", "1,200 files". several: where an s does not make it."""
    return f"{count:,} {singular if count == 1 else several or singular + 's'}"
