"""How several examples are best made one search, and what feedback on results gains or costs.

    several_examples.py FOLDER... [--store DIR] [--draws 60]

A FOLDER holds images/ and a ground_truth.json whose "images" have a file, a task and a label; others are
passed over. It is indexed into a store that is thrown away, unless DIR names one that has it.

First, for 2, 3 and 5 examples drawn from one label, the mean average precision over the rest of the
library, by task: of one of them alone, of their mean, of the best and of soft maxima of their scores, and
of the mean with the directions turned down along which the library varies ("evened"), by some eases, alone
or with so many plain means. Then each task is left out in turn: the way that is best on the others, by the
mean of all three sizes, and what it does there. Last, feedback: from one photo, up to two right and two
wrong results of the first ten are marked, three times over; by how much precision at 10 among what was not
marked rises over the first search, of those searches in which something could be marked.
"""

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from json import loads
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lookalike import Library
from lookalike.benchmarks.arguments import parser_for
from lookalike.search.rocchio import RECIPE, Recipe, Variation, combined

NEEDS = "labelled photos"

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Scorer = Callable[[Ids], Floats]

SIZES = (2, 3, 5)
EASES = (40.0, 80.0, 160.0)  # for one example
MEANS = (0.0, 1.0, 2.0)
SHARES = (0.0, 0.25, 0.5)
ROUNDS, MARKED, SHOWN = 3, 2, 10


@dataclass(frozen=True, slots=True)
class Labeled:
    """Unit embeddings (n, dim) with the task and the label of each."""

    units: Floats
    tasks: npt.NDArray[np.str_]
    labels: npt.NDArray[np.str_]

    def classes(self, least: int) -> Iterator[tuple[str, Ids]]:
        """Yield task and members of every label with so many photos at least."""
        for task in sorted(set(self.tasks.tolist())):
            for label in sorted(set(self.labels[self.tasks == task].tolist())):
                members = np.flatnonzero((self.tasks == task) & (self.labels == label))
                if label and len(members) >= least:
                    yield task, members


class Solved(Variation):
    """The same as what the program uses, with the system solved once for all examples."""

    def evened(self, vector: Floats, ease: float) -> Floats:
        """Return the vector with directions turned down."""
        return np.asarray(_inverse(self, ease) @ vector, np.float32)


_SOLVED: dict[float, Floats] = {}


def _inverse(variation: Variation, ease: float) -> Floats:
    if ease not in _SOLVED:
        covariance = variation.apart.T @ variation.apart / len(variation.apart)
        eased = ease * np.trace(covariance) / len(covariance)
        _SOLVED[ease] = np.linalg.inv(covariance + eased * np.eye(len(covariance), dtype=np.float32))
    return _SOLVED[ease]


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--store", type=Path, help="a store in which the folder is indexed")
    parser.add_argument("--draws", type=int, default=60, help="about so many sets of examples per task")
    arguments = parser.parse_args()
    for folder in arguments.folders:
        if (folder / "ground_truth.json").exists():
            data = read(folder, arguments.store)
            if data is not None:
                _SOLVED.clear()
                print(f"{folder.name}: {len(data.units)} photos")
                by_examples(data, arguments.draws)
                by_feedback(data, arguments.draws)


def read(folder: Path, store: Path | None) -> Labeled | None:
    """Return the embeddings of a labeled folder, None where its truth has no labels."""
    images = loads((folder / "ground_truth.json").read_text()).get("images", [])
    if not images or "label" not in images[0]:
        return None
    said = {str((folder / "images" / each["file"]).resolve()): each for each in images}
    with (
        tempfile.TemporaryDirectory(prefix="examples-") as work,
        Library.open(store or work, create=store is None) as library,
    ):
        if store is None:
            library.index([folder / "images"])
        files = ((photo.id, photo.path) for photo in library.photos())
        found = {photo_id: said[path] for photo_id, path in files if path in said}
        vectors = library.features(list(found))
    raw = np.stack([vectors[each] for each in found])
    tasks, labels = ([str(each[name] or "") for each in found.values()] for name in ("task", "label"))
    return Labeled(raw / np.linalg.norm(raw, axis=1, keepdims=True), np.array(tasks), np.array(labels))


# --- several examples -------------------------------------------------------------------------


def ways(units: Floats) -> dict[str, Scorer]:
    """Return by name what scores all photos by some of them."""
    variation = Solved.among(units)

    def evened(recipe: Recipe) -> Scorer:
        return lambda some: units @ combined(units[some], np.ones(len(some), np.float32), variation, recipe)

    def soft(sharpness: float) -> Scorer:
        return lambda some: np.log(np.exp(sharpness * units[some] @ units.T).sum(axis=0))

    return {
        "one of them": lambda some: units @ units[some[0]],
        "mean": lambda some: units @ units[some].mean(axis=0),
        "best score": lambda some: (units[some] @ units.T).max(axis=0),
        "soft best, 10": soft(10),
        "soft best, 30": soft(30),
        **{
            f"evened {ease:g} + {means:g}": evened(Recipe(ease, means)) for ease in EASES for means in MEANS
        },
    }


def by_examples(data: Labeled, draws: int) -> None:
    scorers = ways(data.units)
    tasks = sorted({task for task, _ in data.classes(max(SIZES) + 2)})
    overall: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in scorers}
    for size in SIZES:
        found = measured(data, scorers, size, draws)
        print(f"\nmAP by {size} examples" + "".join(f"{task:>12s}" for task in (*tasks, "all tasks")))
        for name, of_task in found.items():
            row = [float(np.mean(of_task[task])) for task in tasks]
            for task, value in zip(tasks, row, strict=True):
                overall[name][task].append(value)
            print(f"{name:17s}   " + "".join(f"{value:12.3f}" for value in (*row, np.mean(row))))
    print_left_out(overall, tasks)


def measured(
    data: Labeled, scorers: dict[str, Scorer], size: int, draws: int
) -> dict[str, dict[str, list[float]]]:
    """Return the average precisions of every way, by task."""
    random = np.random.default_rng(size)
    classes = list(data.classes(max(SIZES) + 2))
    found: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in scorers}
    for task, members in classes:
        for _ in range(max(2, draws // sum(task == other for other, _ in classes))):
            some = random.choice(members, size, replace=False)
            for name, score in scorers.items():
                order = ranked(score(some), some)
                found[name][task].append(average_precision(np.isin(order, members)))
    return found


def ranked(scores: Floats, out: Ids) -> Ids:
    """Return the photos by score, best first, without some."""
    order = np.argsort(-scores, kind="stable")
    return order[~np.isin(order, out)]


def average_precision(hits: npt.NDArray[np.bool_]) -> float:
    places = np.flatnonzero(hits) + 1
    return float((np.arange(1, len(places) + 1) / places).mean())


def print_left_out(overall: dict[str, dict[str, list[float]]], tasks: list[str]) -> None:
    print("\nleft out      best on the others      mAP there, of the mean")
    for out in tasks:
        others = [task for task in tasks if task != out]
        best = max(overall, key=lambda name: np.mean([overall[name][task] for task in others]))
        there, plain = np.mean(overall[best][out]), np.mean(overall["mean"][out])
        print(f"{out:12s}  {best:20s}  {there:11.3f}  {plain:11.3f}")


# --- feedback ---------------------------------------------------------------------------------


def by_feedback(data: Labeled, draws: int) -> None:
    variation = Solved.among(data.units)
    tasks = sorted({task for task, _ in data.classes(4)})
    print("\nfeedback: precision at 10 in points, after each of three rounds")
    print(f"{'marked':7s} {'recipe':>19s}" + "".join(f"{task:>17s}" for task in tasks))
    recipes = [replace(RECIPE, less=share) for share in SHARES] + [replace(RECIPE, means=0.0)]
    for marks in ("right", "wrong", "both"):
        for recipe in recipes:
            gains: dict[str, list[list[float]]] = defaultdict(lambda: [[] for _ in range(ROUNDS)])
            for task, members, query in queries(data, draws):
                user = User(members, marks, recipe)
                for number, gain in enumerate(refined(data.units, variation, query, user)):
                    gains[task][number].append(gain)
            cells = (
                "/".join(f"{100 * np.mean(gain):+.1f}" if gain else "-" for gain in gains[task])
                for task in tasks
            )
            name = f"less {recipe.less:g}, means {recipe.means:g}"
            print(f"{marks:7s} {name:>19s}" + "".join(f"{cell:>17s}" for cell in cells))


@dataclass(frozen=True, slots=True)
class User:
    """Who marks results. members: what is wanted. marks: "right", "wrong" or "both"."""

    members: Ids
    marks: str
    recipe: Recipe


def queries(data: Labeled, draws: int) -> Iterator[tuple[str, Ids, int]]:
    random = np.random.default_rng(3)
    classes = list(data.classes(4))
    for task, members in classes:
        count = min(len(members), max(2, draws // sum(task == other for other, _ in classes)))
        for query in random.choice(members, count, replace=False):
            yield task, members, int(query)


def refined(units: Floats, variation: Variation, query: int, user: User) -> Iterator[float]:
    """Yield how much is gained over the first search, after each round."""
    wanted, others, vector = [query], list[int](), units[query]
    for _ in range(ROUNDS):
        shown = ranked(units @ vector, np.array(wanted + others))[:SHOWN]
        is_right = np.isin(shown, user.members)
        wanted += shown[is_right][:MARKED].tolist() if user.marks != "wrong" else []
        others += shown[~is_right][:MARKED].tolist() if user.marks != "right" else []
        marked = np.array(wanted + others)
        left = len(np.setdiff1d(user.members, marked))
        if len(marked) == 1 or not left:
            return
        weights = np.array([1.0] * len(wanted) + [-1.0] * len(others), np.float32)
        vector = combined(units[marked], weights, variation, user.recipe)
        before, after = (
            np.isin(ranked(units @ each, marked)[:SHOWN], user.members).sum()
            for each in (units[query], vector)
        )
        yield float(after - before) / min(SHOWN, left)


if __name__ == "__main__":
    main()
