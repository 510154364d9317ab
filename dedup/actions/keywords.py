"""Keywords that go into the sidecars of photos on request, and nothing else is done to them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack

from ...errors import Refusal
from ...store.lock import held
from ...store.progress import Watch
from ...store.store import Store
from ..packets import fields_of
from .journal import Journal, check_store, new_name
from .merging import outcome_of_merge
from .outcome import MERGE, Outcome
from .sidecars import Change, Sidecars

# Photos by path, each with the keywords that it is to have.
Wanted = Mapping[str, Sequence[str]]


def preview_keywords(wanted: Wanted) -> Iterator[Outcome]:
    """Yield what `write_keywords` would do; nothing is changed."""
    sidecars = Sidecars((), _no_journal)
    return (_outcome(sidecars, path, keywords, "planned") for path, keywords in wanted.items())


def write_keywords(store: Store, wanted: Wanted, watch: Watch) -> list[Outcome]:
    """Add keywords to the sidecars of photos, journaled; return what became of each.

    store: open for writing. What a sidecar says already, in any case, is not written again.

    Raises:
        StoreLocked: another run is changing files.
        StoreUnwritable: the journal cannot be written; nothing more was done.
    """
    check_store(store.folder)
    with held(store.folder, "actions", store.lock_timeout_s), ExitStack() as stack:
        name, begun = new_name(), list[Journal]()

        def journal() -> Journal:
            if not begun:
                begun.append(stack.enter_context(Journal.begin(store.folder, name)))
            return begun[0]

        sidecars, found = Sidecars((), journal), list[Outcome]()
        watch.progress.begin("writing sidecars", len(wanted))
        for path, keywords in wanted.items():
            if watch.is_stopped:
                break
            found.append(_outcome(sidecars, path, keywords, "done", name, sidecars.write))
            watch.progress.advance(1, found[-1].state == "left")
    return found


def _outcome(
    sidecars: Sidecars,
    path: str,
    keywords: Sequence[str],
    state: str,
    run: str = "",
    write: Callable[[Change], object] = lambda _: None,
) -> Outcome:
    try:
        more = {"keywords": _missing(sidecars.said(path), keywords)}
        change = sidecars.change(path, more)
        if change is None:
            return Outcome("before", path, "sidecar", 0, MERGE, keeper=path)
        write(change)
    except Refusal as why:
        return Outcome("left", path, "sidecar", 0, MERGE, "", path, why.code, str(why))
    return outcome_of_merge(change, state, more, run)


def _missing(said: bytes | None, keywords: Sequence[str]) -> list[str]:
    there = {each.casefold() for each in fields_of(said).get("keywords", ())} if said is not None else set()
    return [each for each in keywords if each.casefold() not in there]


def _no_journal() -> Journal:
    raise AssertionError("a preview writes nothing")
