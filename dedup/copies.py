"""What is known of copies in a library: `library.copies`."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from ..errors import DecodeError, StoreLocked, UsageError
from ..indexer.embed.embedder import Embedder
from ..indexer.scan.walk import Found, photos_in
from ..store.arguments import as_number, options_of
from ..store.catalog import pairs
from ..store.catalog.contents import ids_of
from ..store.catalog.embeddings import embedded_ids
from ..store.catalog.folders import all_roots
from ..store.catalog.hashes import compared_ids
from ..store.catalog.pairs import Decided, Decision, all_decisions, unproved_pairs
from ..store.catalog.photos import Photo, photos_of, visible_ids
from ..store.filters.where import ALL, Where
from ..store.knn_graph import update_graph
from ..store.names import AnyPath, did_you_mean, is_remote, listed
from ..store.progress import Progress, Watch, watch_of
from ..store.store import Store
from . import DEFAULT_MAX_FALSE, DEFAULT_MIN_SCORE
from .actions.plan import Origin
from .candidates.update import compare_new
from .check.check import CheckOptions, check_files
from .check.matches import Checked
from .check.unseen import SameBytes
from .decisions import read_decisions
from .explain.explain import Explanation, explain
from .groups.error_rate import expected_wrong
from .groups.full_size import known_looks, look_where_it_decides
from .groups.groups import Group
from .groups.keeper import DEFAULT_RULES, KeepRules
from .groups.leaks import Leak, Sides, crossing, find_leaks
from .groups.lookalikes import similar_groups
from .groups.members import PLAIN_ONLY, Choosing
from .groups.original import PairKey
from .groups.report import CopyReport, GroupInput, Stars, exact_input, group_copies, group_input, stars_of
from .groups.separate import mark_apart
from .look import Look
from .naming import PhotoName, content_of, name_of
from .proof import VERIFIER_VERSION
from .proof.prove_all import prove_all

Folders = Literal["any", "within", "across"]


@dataclass(frozen=True, slots=True)
class FindOptions:
    """How to find copies and to choose among them.

    rules: which file to keep. max_false: how many wrong pairs may be expected among all. choosing: what may
    be preselected. exact: only files of the same bytes, at once. second_look: compare at full size what
    would be preselected; without it only equal pixels are. folders: only copies that lie in one folder with
    the kept file ("within"), or in others ("across").
    """

    rules: KeepRules = DEFAULT_RULES
    max_false: float = DEFAULT_MAX_FALSE
    choosing: Choosing = PLAIN_ONLY
    exact: bool = False
    second_look: bool = True
    folders: Folders = "any"


class Copies:
    """Copies and look-alikes in a library, and what the user decided about them.

    rules: what to keep where nobody says so.
    """

    def __init__(
        self,
        store: Store,
        embedder: Callable[[], Embedder],
        where: Callable[..., Where],
    ) -> None:
        self.store = store
        self.embedder = embedder
        self.where = where
        self.rules = DEFAULT_RULES

    def find(
        self,
        where: Where | str | None = None,
        options: FindOptions | None = None,
        *,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> CopyReport:
        """Return the groups of exact and proven copies, those whose copies take most bytes first.

        Photos that are new since the last call are compared and proven first, and what decides is looked at
        at full size; all that is remembered. A library that was opened for reading only tells what is known
        already.
        """
        options = FindOptions(self.rules) if options is None else options_of(FindOptions, options)
        if options.exact:
            with self.store.reading() as view:
                known = exact_input(view, self._filter(where))
            return self._report(
                known, options, group_copies(known, options.rules, choosing=options.choosing)
            )
        watch = watch_of(progress, stop)
        if self.store.is_writable:
            compare_new(self.store, watch)
            prove_all(self.store, watch=watch)
            mark_apart(self.store)
            self._count_copies_once(watch)
        with self.store.reading() as view:
            known = group_input(view, self._filter(where), options.max_false)
        stars = stars_of(known)
        groups = group_copies(
            known,
            options.rules,
            choosing=options.choosing,
            looks=self._looks(known, stars, options, watch),
            stars=stars,
        )
        return self._report(known, options, groups)

    def _filter(self, where: Where | str | None) -> Where:
        return where if isinstance(where, Where) else ALL if where is None else self.where(where=where)

    def known(self, where: Where | str | None = None) -> CopyReport:
        """Return what `find` would without comparing anything: what is known of copies by now."""
        with self.store.reading() as view:
            known = group_input(view, self._filter(where), DEFAULT_MAX_FALSE)
        stars = stars_of(known)
        looks = known_looks(self.store, stars)
        return self._report(known, FindOptions(), group_copies(known, looks=looks, stars=stars))

    def is_whole(self) -> bool:
        """Tell whether all photos that are there were compared, and all that may be copies were proven."""
        with self.store.reading() as view:
            there = np.intersect1d(visible_ids(view), embedded_ids(view))
            is_compared = np.isin(there, compared_ids(view)).all()
            return bool(is_compared) and not unproved_pairs(view, VERIFIER_VERSION)

    def frame(self, where: Where | str | None = None, options: FindOptions | None = None) -> Any:
        """Return what `find` finds as a data frame, a row for each file; see `CopyReport.frame`."""
        return self.find(where, options).frame()

    def leaks(
        self,
        train: AnyPath | Sequence[AnyPath],
        test: AnyPath | Sequence[AnyPath],
        *,
        similar: float | None = None,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> list[Leak]:
        """Return the files below test that are copies of a file below train, the surest first.

        Both are folders (or files) of the library, or lists of them; where one lies in the other, the inner
        one is not counted to the outer one. Each test file comes once for each picture below train that it
        is a copy of. similar: list look-alikes from this cosine on, too, which are not proven; 0.9 is
        usual. New photos are compared first, as by `find`, and pairs of both sides are proven, no others.

        Raises:
            UsageError: a set has no photo in the library, both have a folder in common, or similar is out
                of range.
        """
        if similar is not None:
            check_score(similar)
        sides = Sides.of(*(self._side(some, name) for some, name in ((train, "train"), (test, "test"))))
        watch = watch_of(progress, stop)
        if self.store.is_writable:
            compare_new(self.store, watch)
            with self.store.reading() as view:
                wanted = crossing(view, sides)
            prove_all(self.store, watch=watch, wanted=wanted)
            mark_apart(self.store)
        with self.store.reading() as view:
            return find_leaks(view, group_input(view, max_false=DEFAULT_MAX_FALSE), sides, similar)

    def _side(self, folders: AnyPath | Iterable[AnyPath], argument: str) -> list[bytes]:
        """Return the real paths of a set of the library's photos."""
        named = listed(folders, argument)
        if not named:
            raise UsageError("train and test are a folder each, or a list of them; one is empty")
        where = self.where(named)
        with self.store.reading() as view:
            if not len(visible_ids(view, where)):
                raise UsageError(f"{argument}: no photo of the library lies below {', '.join(named)}")
        return list(where.folders)

    def _report(self, known: GroupInput, options: FindOptions, groups: Iterable[Group]) -> CopyReport:
        listed = (_in_folders(group, options.folders) for group in groups)
        shown = tuple(group for group in listed if group.members)
        with self.store.reading() as view:
            roots = [os.fsdecode(root.path) for root in all_roots(view)]
        away = tuple(root for root in roots if not is_remote(root) and not os.path.isdir(root))
        return CopyReport(shown, len(known.doubt), expected_wrong(known.doubt), away, self.store.thumbs)

    def _looks(
        self, known: GroupInput, stars: Stars, options: FindOptions, watch: Watch
    ) -> Mapping[PairKey, Look]:
        if not options.second_look:
            return {}
        if not self.store.is_writable:
            return known_looks(self.store, stars)
        return look_where_it_decides(self.store, known, stars, options.rules, watch)

    def _count_copies_once(self, watch: Watch) -> None:
        """Have searches know the copies that were proven; while an index run goes on, its end does it."""
        with suppress(StoreLocked), self.store.indexing():
            update_graph(self.store, watch)

    def origin(self, protect: str | Iterable[str] | None = None) -> Origin:
        """Return where a plan that is made now comes from. protect: folders to leave alone."""
        protect = self.rules.protect if protect is None else protect
        with self.store.reading() as view:
            roots = [os.fsdecode(root.path) for root in all_roots(view)]
        return Origin.now(self.store.name, roots, listed(protect))

    def content(self, name: PhotoName) -> tuple[str, str]:
        """Return the blake3 digest (hex) of a photo, and what to call it: its path where it has one.

        name: a path, of the library or of any image file; id:N, also of a photo whose file is away; or
        such a digest itself.

        Raises:
            UsageError: there is nothing of that name.
        """
        return content_of(self.store, name_of(name))

    def decide(self, a: PhotoName, b: PhotoName, kind: Decision | None) -> None:
        """Remember that two photos are copies ("confirmed") or not ("rejected"); None: undecided.

        a, b: photos, or what `content` takes: paths, ids, the blake3 digests of contents in hex.

        Raises:
            UsageError: both are the same content, there is nothing of such a name, or kind is another word.
        """
        first, second = (
            each.digest if isinstance(each, Photo) else self.content(each)[0] for each in (a, b)
        )
        self.decide_all([(first, second, kind)])

    def decide_all(self, decisions: Iterable[tuple[str, str, Decision | None]]) -> None:
        """Remember decisions on pairs of contents (blake3 in hex), all of them or none.

        Raises:
            UsageError: both of a pair are the same content, or a kind is another word.
        """
        decisions = list(decisions)
        for first, second, kind in decisions:
            if first == second:
                raise UsageError("both are the same content, byte by byte: there is nothing to decide")
            if kind not in (*get_args(Decision), None):
                raise UsageError(f'kind is "confirmed", "rejected" or None, not {kind!r}')
        with self.store.writing() as view:
            for first, second, kind in decisions:
                pairs.decide(view, first, second, kind)

    def decisions(self) -> list[Decided]:
        """Return what the user decided, oldest first."""
        with self.store.reading() as view:
            return list(all_decisions(view))

    def import_decisions(self, data: bytes, source: str = "the data") -> int:
        """Take over decisions that `decisions --format json` (or jsonl) wrote; return how many changed.

        Of two decisions on one pair the later counts. source: what to call the data in a message.

        Raises:
            UsageError: it is no such listing; nothing was taken over.
        """
        given = read_decisions(data, source)
        with self.store.writing() as view:
            return pairs.merge_decisions(view, given)

    def paths_of(self, digests: Iterable[str]) -> dict[str, str]:
        """Return a path of each content (blake3 in hex) that the library has a file of."""
        wanted = [bytes.fromhex(each) for each in dict.fromkeys(digests)]
        with self.store.reading() as view:
            ids = sorted(ids_of(view, wanted).values())
            return {photo.digest: photo.path for photo in photos_of(view, ids=ids)}

    def lookalikes(
        self,
        min_score: float = DEFAULT_MIN_SCORE,
        where: Where | str | None = None,
        *,
        copies: Iterable[Group] = (),
    ) -> list[Group]:
        """Return groups of photos that look alike; nothing in them is proven to be a copy.

        copies: groups that are known, each of which counts as the one photo that is kept of it.
        """
        check_score(min_score)
        with self.store.reading() as view:
            return list(similar_groups(view, min_score, self._filter(where), list(copies)))

    # --- one by one -------------------------------------------------------------------------------

    def check(
        self,
        names: AnyPath | Iterable[AnyPath],
        *,
        against: AnyPath | Sequence[AnyPath] = (),
        count_away: bool = False,
        workers: int | None = None,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[Checked]:
        """Yield for each photo in files and folders, indexed or not, whether the library has it already.

        Last come RAW, videos and pictures that cannot be compared, and belong to none of the photos. Of
        them, and of what cannot be read, the same bytes in the library's folders are found. against: only
        photos of the library below these folders count. count_away: what lies on a drive that is away is
        found, as if it were here. Nothing is written.

        Raises:
            UsageError: a name leads to nothing; a folder of against holds nothing of the library.
            StoreMissing: nothing was indexed yet.
        """
        if self.store.spec is None:
            self.embedder()  # says what is missing
        where = self._against(listed(against))
        names = listed(names)
        for name in names:
            if not is_remote(name) and not os.path.lexists(name):
                raise UsageError(f"there is no file or folder {name}{did_you_mean(name)}")
        found = photos_in(names, self.store.folder)
        watch = watch_of(progress, stop)
        unseen = SameBytes(self.store, where, names, watch)
        watch.progress.begin("checking", len(found.photos))
        return unseen(self._checked(found, CheckOptions(where, workers, count_away), watch))

    def _checked(self, found: Found, options: CheckOptions, watch: Watch) -> Iterator[Checked]:
        for path, problem in found.problems:
            yield Checked(path, error=DecodeError(problem.code, problem.message))
        beside = set[str]()
        for each in check_files(self.store, found.photos, self.embedder, options, watch):
            beside.update(companion.path for companion in each.companions)
            yield each
        if not watch.is_stopped:
            yield from (Checked(path, is_compared=False) for path in found.unread if path not in beside)

    def _against(self, folders: Sequence[str]) -> Where:
        try:
            where = self.where(folders)
        except UsageError as error:
            raise UsageError(f"{error}; index it first") from error
        for folder in folders:
            with self.store.reading() as view:
                if not len(visible_ids(view, self.where([folder]))):
                    raise UsageError(f"no photo of the library lies below {folder}; index it first")
        return where

    def explain(self, a: PhotoName, b: PhotoName) -> Explanation:
        """Return all that speaks for or against two pictures being copies; see `explain.explain`.

        a, b: image files, in the library or not, id:N, ids, or photos.
        """
        return explain(self.store, name_of(a), name_of(b), self.embedder)


def check_score(score: float) -> None:
    """Check the least score of look-alikes.

    Raises:
        UsageError: it is out of range.
    """
    if not 0 < as_number(score, "a look-alike's score") <= 1:
        raise UsageError(f"a look-alike's score is a cosine above 0 and up to 1, not {score:g}")


def _in_folders(group: Group, folders: Folders) -> Group:
    """Return the group with the members that lie where they are asked for."""
    if folders == "any":
        return group
    home = os.path.dirname(group.keeper.path)
    is_within = folders == "within"
    members = (each for each in group.members if (os.path.dirname(each.file.path) == home) == is_within)
    return replace(group, members=tuple(members))
