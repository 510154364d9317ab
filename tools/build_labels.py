#!/usr/bin/env python3
"""Make what labels need: the classes of ImageNet in WordNet's is-a order, and the classifier by itself.

    build_labels.py WORDNET SYNSETS [--out FOLDER]

WORDNET: the folder of WordNet 3.0's database, with data.noun (Debian has it in the package wordnet-base).
SYNSETS: a text file with the WordNet ids of the 1,000 classes, one a line, in the
order of the classifier (timm/data/_info/imagenet_synsets.txt in the Python package timm 1.0.31). The
classifier is that of the shipped weights, in fp16. Classes and all that stands above them become nodes;
what holds the same classes as the node below it becomes another name of that node. The same sources give
the same bytes.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import safetensors.numpy
from blake3 import blake3

from lookalike.indexer.embed.weights.loader import read_shipped
from lookalike.indexer.embed.weights.table import SHIPPED_STATE

CLASSES = 1000
# What holds nearly everything is no word for a picture: "entity", "object", "whole".
TOO_MANY = 900

# Which of the words above the classes are said of a photo: those that people say. NAME/COUNT: the one of
# that name with so many classes. The others ("placental", "instrumentality") are only understood.
SAID = """
animal mammal dog terrier hound spaniel retriever shepherd_dog poodle schnauzer setter corgi sled_dog cat/7
domestic_cat big_cat bear wolf fox monkey ape lemur rodent rabbit elephant whale swine antelope ungulate
marsupial bird bird_of_prey parrot finch duck heron grouse waterfowl seabird reptile snake lizard turtle
amphibian frog salamander fish shark insect butterfly beetle spider crustacean crab lobster mollusk
vehicle car/10 truck bus bicycle boat ship sailboat vessel/15 aircraft locomotive wheeled_vehicle
motor_vehicle clothing garment hat footwear/5 shoe skirt swimsuit sweater coat furniture chair seat table/2
lamp/3 clock timepiece musical_instrument stringed_instrument wind_instrument percussion_instrument
keyboard_instrument guitar piano weapon gun tool building shop place_of_worship dwelling house fence roof
bridge theater ball/10 bottle box bag basket pot jar glass bowl computer portable_computer keyboard
electronic_equipment telephone camera home_appliance kitchen_utensil cooking_utensil oven food/26 fruit
edible_fruit citrus vegetable squash dish/8 bread dessert beverage fungus flower mountain
geological_formation container cart helmet/2 mask curtain tableware sports_equipment
"""

# A class that stands alone for what is above it is called by that: the network knows no other apple.
CALLED = """
apple horse camel cobra penguin swan eagle owl cockatoo squirrel sloth chameleon alligator crocodile sofa
"""


@dataclass
class Synset:
    """A meaning in WordNet: its words, and the ids of what it is a kind of."""

    words: list[str]
    above: list[str]
    classes: set[int] = field(default_factory=set)


def read_wordnet(folder: Path) -> dict[str, Synset]:
    """Return the nouns of WordNet by id, such as n02084071."""
    found = {}
    for line in (folder / "data.noun").read_text(encoding="latin-1").splitlines():
        if line.startswith("  "):
            continue  # the licence
        fields = line.partition("|")[0].split()
        count = int(fields[3], 16)
        words = [word.replace("_", " ") for word in fields[4 : 4 + 2 * count : 2]]
        pointers = fields[4 + 2 * count :]
        above = [
            f"n{pointers[2 + 4 * n]}" for n in range(int(pointers[0])) if pointers[1 + 4 * n] in ("@", "@i")
        ]
        found[f"n{fields[0]}"] = Synset(words, above)
    return found


def ancestors(nouns: dict[str, Synset], wnid: str) -> Iterator[str]:
    """Yield a meaning and all above it, nearest first, some of them several times."""
    yield wnid
    for above in nouns[wnid].above:
        yield from ancestors(nouns, above)


def count_classes(nouns: dict[str, Synset], classes: list[str]) -> dict[str, Synset]:
    """Return the meanings that hold a class, those with the most first."""
    for number, wnid in enumerate(classes):
        for each in ancestors(nouns, wnid):
            nouns[each].classes.add(number)
    kept = {wnid: noun for wnid, noun in nouns.items() if 0 < len(noun.classes) < TOO_MANY}
    return dict(sorted(kept.items(), key=lambda item: (-len(item[1].classes), item[0])))


def chosen(kept: dict[str, Synset], wanted: list[str], *, is_class: bool) -> set[str]:
    """Return the ids of the names wanted, of single classes or of what holds several; each names one."""
    found = set()
    for name in wanted:
        word, _, count = name.replace("_", " ").partition("/")
        same = {
            wnid: len(noun.classes)
            for wnid, noun in kept.items()
            if noun.words[0] == word and (len(noun.classes) == 1) is is_class
        }
        same = {wnid: size for wnid, size in same.items() if not count or size == int(count)}
        if len(same) != 1:
            raise SystemExit(f"{name} names {same}")
        found |= set(same)
    return found


def build(nouns: dict[str, Synset], classes: list[str]) -> list[dict[str, object]]:
    """Return the nodes, each after all that stand above it."""
    kept = count_classes(nouns, classes)
    first = chosen(kept, SAID.split(), is_class=False) | chosen(kept, CALLED.split(), is_class=True)
    groups: dict[frozenset[int], list[str]] = {}
    for wnid, noun in kept.items():
        groups.setdefault(frozenset(noun.classes), []).append(wnid)
    for group in groups.values():
        # What it is to be called by, then the most special.
        group.sort(key=lambda wnid: (wnid not in first, -len(set(ancestors(nouns, wnid))), wnid))
    place = {wnid: number for number, group in enumerate(groups.values()) for wnid in group}
    return [node(kept, group, place, group[0] in first) for group in groups.values()]


def node(
    kept: dict[str, Synset], group: list[str], place: dict[str, int], is_first: bool
) -> dict[str, object]:
    """Return one node as it is written. group: the meanings that hold the same classes, best name first."""
    above = dict.fromkeys(place[u] for wnid in group for u in kept[wnid].above if u in place)
    numbers = sorted(kept[group[0]].classes)
    fields: dict[str, object] = {
        "id": group[0],
        "names": list(dict.fromkeys(word for wnid in group for word in kept[wnid].words)),
        "above": [number for number in above if number != place[group[0]]],
        "said": is_first or len(numbers) == 1,
    }
    return fields | ({"class": numbers[0]} if len(numbers) == 1 else {})


def classifier() -> bytes:
    """Return the last layer of the shipped network, by itself: it is read in a tenth of the time."""
    state = safetensors.numpy.load(read_shipped(SHIPPED_STATE))
    return safetensors.numpy.save(
        {name: state[f"classifier.1.{name}"].astype(np.float16) for name in ("weight", "bias")}
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wordnet", type=Path)
    parser.add_argument("synsets", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "words")
    arguments = parser.parse_args()
    classes = arguments.synsets.read_text().split()
    if len(set(classes)) != CLASSES:
        raise SystemExit(f"{arguments.synsets} has {len(set(classes)):,} ids, not {CLASSES:,}")
    nodes = build(read_wordnet(arguments.wordnet), classes)
    head = {
        "source": "is-a relations of WordNet 3.0 (Princeton University) above the classes of ImageNet",
        "license": "WordNet 3.0 license, see LICENSE-WordNet",
        "made_by": "tools/build_labels.py",
    }
    rows = ",\n".join(json.dumps(node, separators=(",", ":")) for node in nodes)
    text = json.dumps(head, indent=1)[:-2] + ',\n "nodes": [\n' + rows + "\n]}\n"
    files = {"labels.json": text.encode("ascii"), "classifier.safetensors": classifier()}
    for name, data in files.items():
        (arguments.out / name).write_bytes(data)
        print(f"{blake3(data).hexdigest()}  {len(data):>9,} bytes  {name}")
    print(f"{len(nodes):,} nodes")


if __name__ == "__main__":
    main()
