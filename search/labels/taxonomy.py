"""The classes of ImageNet in WordNet's order: what is a kind of what, and by which names one asks."""

import difflib
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

FILE = Path(__file__).with_name("labels.json")
CLASSES = 1000

Classes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Node:
    """A word of the tree. names: the first is its label. above: numbers of the nodes it is a kind of.

    is_label: whether photos get it as a label; others are only understood. classes: numbers of the classes
    of the classifier that it holds, ascending.
    """

    names: tuple[str, ...]
    above: tuple[int, ...]
    is_label: bool
    classes: tuple[int, ...]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.names[0]


class Tree:
    """All words for the 1,000 classes, each after those that stand above it."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes

    @cached_property
    def labels(self) -> list[Node]:
        """The words that are labels: the classes by number, then others, specific ones first."""
        return sorted(
            (node for node in self.nodes if node.is_label),
            key=lambda node: (len(node.classes), node.classes),
        )

    @cached_property
    def holds(self) -> npt.NDArray[np.float32]:
        """Which classes the labels beyond the classes hold: (1000, labels) of 0 and 1."""
        above = self.labels[CLASSES:]
        table = np.zeros((CLASSES, len(above)), np.float32)
        for place, node in enumerate(above):
            table[list(node.classes), place] = 1
        return table

    def find(self, name: str) -> Classes | None:
        """Return the classes that a word means, ascending; None when it is unknown.

        A word that is the first name of something means all such things ("crane": a bird and a machine),
        else all that it is another name of.
        """
        wanted = normalized(name)
        first = [node for node in self.nodes if normalized(node.name) == wanted]
        found = first or [node for node in self.nodes if wanted in map(normalized, node.names)]
        if not found:
            return None
        return np.array(sorted({each for node in found for each in node.classes}), np.int64)

    def near(self, name: str, others: tuple[str, ...] = ()) -> list[str]:
        """Return up to three known names that are written like this one. others: more names there are."""
        known = {normalized(each): each for node in self.nodes for each in node.names}
        known |= {normalized(each): each for each in others}
        return [known[each] for each in difflib.get_close_matches(normalized(name), known, 3)]

    def path(self, node: Node) -> tuple[str, ...]:
        """Return the labels above a node, the most general first: ("animal", "mammal")."""
        inside, path = set(node.classes), []
        for other in self.labels:
            if len(other.classes) > len(inside) and inside <= set(other.classes):
                path.append(other.name)
                inside = set(other.classes)
        return tuple(reversed(path))


def normalized(name: str) -> str:
    """Return a name as it is compared: "Domestic_Dog" is "domestic dog"."""
    return " ".join(name.replace("_", " ").casefold().split())


@lru_cache(maxsize=1)
def tree() -> Tree:
    """Return the tree that comes with the package, read once."""
    rows = json.loads(FILE.read_bytes())["nodes"]
    holds: list[set[int]] = [{row["class"]} if "class" in row else set() for row in rows]
    for number in reversed(range(len(rows))):
        for above in rows[number]["above"]:
            holds[above] |= holds[number]
    return Tree(
        [
            Node(tuple(row["names"]), tuple(row["above"]), row["said"], tuple(sorted(held)))
            for row, held in zip(rows, holds, strict=True)
        ]
    )
