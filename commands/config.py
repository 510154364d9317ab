"""The command that shows what the config file and the environment change."""

import os
from collections.abc import Iterator

from ..output.listing import Summary
from ..output.text import columns, printable
from ..store.documents import Row
from . import options as opt
from .groups import Topic, command
from .settings import KEYS, STORE, Settings, naming_the_line, read_settings


@command(Topic.CARE, "lookalike config", "lookalike config --json")
def config(*, form: opt.SummaryOption = opt.SummaryFormat.table, at: opt.StoreArgs) -> Summary:
    """Show the settings in effect, and where each comes from.

    Settings are lines of a text file, such as `store = "/mnt/nas/lookalike"`; the guide has all of them. An
    option of a command counts before the environment, and that before the file.
    """
    from ..dedup.groups.keeper import DEFAULT_RULES, rules_from

    found = read_settings()
    with naming_the_line("keep", found.option("keep")):
        order = rules_from(found.option("keep"), (), ()).order
    values = {"store": at.folder, "keep": list(DEFAULT_RULES.order)} | found.values | {"store": at.folder}
    fields: Row = {
        "file": found.file,
        "exists": found.exists,
        "settings": {
            key: {"value": values.get(key), "origin": _origin(key, at.store, found)} for key in KEYS
        },
    }
    named = fields["settings"]["keep"]["value"]
    return Summary(fields, _lines(fields, [rule for rule in order if rule not in named]))


def _origin(key: str, store: str | None, found: Settings) -> str:
    if key == "store" and store is not None and store != found.values.get("store"):
        return f"${STORE}" if store == os.environ.get(STORE) else "--store"
    return f"line {found.lines[key]}" if key in found.lines else "default"


def _lines(fields: Row, rules_left: list[str]) -> Iterator[str]:
    rows = [("file", "" if fields["exists"] else "not there", printable(fields["file"]))]
    for key, each in fields["settings"].items():
        value = each["value"]
        values = value if isinstance(value, list) and key != "keep" else [value]
        heads = [(key, each["origin"]), *[("", "")] * (len(values) - 1)]
        rows += [(*head, printable(_word(text))) for head, text in zip(heads, values, strict=True)]
        if key == "keep" and rules_left:
            rows.append(("", "then", _word(rules_left)))
    yield from columns(rows)


def _word(value: str | list[str] | None) -> str:
    return ",".join(value) if isinstance(value, list) else value or "nothing"
