"""One group with all that is known of it: its files side by side, and how they lie on one another."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from ..dedup.proof import Picture
from ..dedup.proof.pictures import Pictures
from ..dedup.proof.thumbnails import stored_thumbnails
from ..library import Library
from ..output.copies import group_row
from ..output.report.data import Making
from ..output.report.data import group_row as page_row
from ..store.documents import Row
from .groups import Listed

_KEPT, _PICTURES = 256, 64


@dataclass(eq=False)
class Details:
    """Describes groups, and remembers those that were asked for last."""

    library: Library
    _pictures: Pictures = field(default_factory=lambda: Pictures(_PICTURES))
    _rows: "OrderedDict[str, Row]" = field(default_factory=OrderedDict)
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def of(self, listed: Listed) -> Row:
        """Return a group as `dupes` lists it, and its files as the report shows them."""
        with self._mutex:
            row = self._rows.get(listed.key)
            if row is None:
                row = self._rows[listed.key] = self._row(listed)
            self._rows.move_to_end(listed.key)
            while len(self._rows) > _KEPT:
                self._rows.popitem(last=False)
            return row

    def _row(self, listed: Listed) -> Row:
        row = group_row(0, listed.group)
        shown = page_row(listed.group, Making(self._picture, listed.protect))
        for file in shown["files"]:
            del file["plan"]  # a plan is made here, of what the catalog knows
        del row["group"], row["labels"]
        return {"key": listed.key, **row, **shown}

    def _picture(self, photo_id: int) -> Picture | None:
        return self._pictures.get(
            photo_id, lambda each: stored_thumbnails(self.library.store, [each]).get(each)
        )
