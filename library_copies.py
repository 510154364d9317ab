"""What a library says of copies: a part of `Library`, apart because it is a subject of its own."""

import os
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the heavy modules load when they are first needed
    from .dedup.copies import CopyReport
    from .dedup.groups import Group
    from .dedup.keeper import KeepRules
    from .indexer.pipeline import Progress
    from .store.filters import Where
    from .store.listing import Photo
    from .store.pairs import Decided, Decision
    from .store.store import Store

DEFAULT_MIN_SCORE = 0.9
DEFAULT_MAX_FALSE = 1.0


class CopiesOfLibrary:
    """The methods of `Library` about copies, look-alikes and what the user decided about them."""

    store: "Store"

    def copies(
        self,
        where: "Where | None" = None,
        *,
        rules: "KeepRules | None" = None,
        max_false: float = DEFAULT_MAX_FALSE,
        progress: "Progress | None" = None,
        stop: threading.Event | None = None,
    ) -> "CopyReport":
        """Return the groups of exact and proven copies, most bytes to win first.

        Photos that are new since the last call are compared and proven first, and that is remembered; a
        library that was opened for reading only tells what is known already. rules: how to choose the
        file to keep. max_false: how many wrong pairs may be expected among all.
        """
        from .dedup.copies import copy_groups
        from .dedup.keeper import DEFAULT_RULES
        from .dedup.proving import prove_all
        from .store.filters import ALL

        if self.store.is_writable:
            from .dedup.comparing import compare_new

            compare_new(self.store, stop)
            prove_all(self.store, progress=progress, stop=stop)
        with self.store.reading() as view:
            return copy_groups(view, where or ALL, rules or DEFAULT_RULES, max_false)

    def photo(self, name: str) -> "Photo":
        """Return the photo of the library that a path or id:N names.

        Raises:
            UsageError: there is none; index it first.
        """
        from .errors import UsageError
        from .store.filters import Where

        by_id = name.startswith("id:") and name[3:].isdecimal() and len(name) < 20
        path = os.path.realpath(name)
        with self.store.reading() as view:
            found = list(
                view.photos(ids=[int(name[3:])])
                if by_id
                else view.photos(Where(folders=(os.fsencode(path),)))
            )
        for photo in found:
            if by_id or any(file.path == path for file in photo.files):
                return photo
        raise UsageError(f"{name} is no photo of the library; index it first")

    def decide(self, a: "Photo", b: "Photo", kind: "Decision | None") -> None:
        """Remember that two photos are copies ("confirmed") or not ("rejected"); None: undecided."""
        from .store import pairs

        with self.store.writing() as connection:
            pairs.decide(connection, a.digest, b.digest, kind)

    def decisions(self) -> "list[Decided]":
        """Return what the user decided, oldest first."""
        with self.store.reading() as view:
            return list(view.decisions())

    def lookalikes(
        self,
        min_score: float = DEFAULT_MIN_SCORE,
        where: "Where | None" = None,
        *,
        copies: "Iterable[Group]" = (),
    ) -> "list[Group]":
        """Return groups of photos that look alike; nothing in them is proven to be a copy.

        copies: groups that are known, each of which counts as the one photo that is kept of it.
        """
        from .dedup.find import similar_groups
        from .errors import UsageError
        from .store.filters import ALL

        if not 0 < min_score <= 1:
            raise UsageError(f"--min-score is a cosine above 0 and up to 1, not {min_score:g}")
        with self.store.reading() as view:
            return list(similar_groups(view, min_score, where or ALL, list(copies)))
