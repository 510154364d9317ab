#!/usr/bin/env python3
"""Does a lower precision than fp32 pay? What it saves, and what it finds less.

    precision.py FOLDER... [--calibrate 200] [--rounds 5] [--index FOLDER]... [--only WORD]...

A FOLDER holds images/ and ground_truth.json, with "queries" (search by example) or with "groups" (copies);
one of each is wanted. The int8 networks are made from so many of these photos; those are neither queries
nor copies that count, for any row, but they are in the library that is searched. For each engine:
  best, median  CPU ms of one thread for a picture at the default input, over rounds in which all take turns
  cosine        to the vectors of fp32, mean and least
  top 10        how many of the ten nearest are the same
  mAP by task   with the share of 1,000 resamplings of the queries in which their mean is below that of fp32
  copies        share of the pairs of an original and its copy that are handed to the proof; pairs a photo
With --index, the CPU time of whole index runs over that folder, fp32 and the balanced int8 in turns.
Those of openvino, of nncf and of entropy (scipy) run where these are installed. --only takes engines whose
name has that word; fp32 of onnxruntime always runs.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnx
import onnxruntime

from lookalike.benchmarks.candidates import ids_of, read
from lookalike.benchmarks.input_rules import average_precisions, normalized
from lookalike.benchmarks.precision_engines import BALANCED, FP32, Run, open_engines
from lookalike.benchmarks.quantizing import balanced
from lookalike.benchmarks.truth import Truth, has_truth, read_truth
from lookalike.dedup.candidates.copy_space import shipped_space
from lookalike.dedup.candidates.nominate import nominate
from lookalike.indexer.decode.decode import decode
from lookalike.indexer.embed.embedder import Embedder, default_spec
from lookalike.indexer.embed.preprocess import Pixels
from lookalike.indexer.embed.weights.table import SHIPPED_GRAPH
from lookalike.library import Library
from lookalike.store.records import Vectors

TIMED, RESAMPLED = 40, 1000


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """A labelled folder: the network's input for each file, and what is known of them."""

    folder: Path
    pictures: dict[str, Pixels]
    calibrated: frozenset[str]

    @property
    def place(self) -> dict[str, int]:
        """Return the row of each file."""
        return {name: number for number, name in enumerate(self.pictures)}


def read_photos(folder: Path, calibrate: int) -> Photos:
    """Read a folder, and draw the photos that the int8 networks are made from."""
    embedder = Embedder(default_spec(), engine="onnx")
    truth = json.loads((folder / "ground_truth.json").read_text(encoding="utf-8"))
    pictures = {}
    for image in truth["images"]:
        data = (folder / "images" / image["file"]).read_bytes()
        pictures[image["file"]] = embedder.prepare(decode(data, min_side=embedder.min_side).image)
    drawn = np.random.default_rng(0).permutation(sorted(pictures))[:calibrate]
    return Photos(folder, pictures, frozenset(map(str, drawn)))


def timed(engines: dict[str, Run], pictures: Sequence[Pixels], rounds: int) -> dict[str, list[float]]:
    """Return CPU ms a picture of each engine and round."""
    spent: dict[str, list[float]] = {name: [] for name in engines}
    for number in range(rounds + 1):
        for name, run in engines.items():
            begin = time.process_time()
            for picture in pictures:
                run(picture)
            # The first round lays out memory and does not count.
            if number:
                spent[name].append(1000 * (time.process_time() - begin) / len(pictures))
    return spent


def agreement(vectors: Vectors, reference: Vectors) -> str:
    """Return the cells for cosine and the ten nearest."""
    cosine = (vectors * reference).sum(axis=1)
    nearest = []
    for each in (vectors, reference):
        scores = each @ each.T
        np.fill_diagonal(scores, -2)
        nearest.append(np.argpartition(-scores, 10, axis=1)[:, :10])
    same = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(*nearest, strict=True)])
    return f"{cosine.mean():.4f} | {cosine.min():.3f} | {same:.3f}"


def searched(photos: Photos, vectors: dict[str, Vectors]) -> dict[str, str]:
    """Return for each engine the cells of search by example."""
    truth = json.loads((photos.folder / "ground_truth.json").read_text(encoding="utf-8"))
    truth["queries"] = [q for q in truth["queries"] if q["file"] not in photos.calibrated]
    found = {name: average_precisions(truth, photos.place, each) for name, each in vectors.items()}
    print(f"queries: {', '.join(f'{task} {len(each)}' for task, each in found[FP32].items())}")
    cells = {}
    for name, tasks in found.items():
        means = " | ".join(f"{np.mean(each):.4f}" for each in tasks.values())
        cells[name] = f"{agreement(vectors[name], vectors[FP32])} | {means} | {below(tasks, found[FP32])}"
    return cells


def below(tasks: dict[str, list[float]], reference: dict[str, list[float]]) -> str:
    """Return how the mean over the tasks differs, and how often it is lower with other queries."""
    random = np.random.default_rng(0)
    drawn = np.zeros(RESAMPLED)
    for task, each in tasks.items():
        lost = np.array(each) - reference[task]
        drawn += lost[random.integers(len(lost), size=(RESAMPLED, len(lost)))].mean(axis=1) / len(tasks)
    lost = np.mean([np.mean(tasks[task]) - np.mean(reference[task]) for task in tasks])
    return f"{lost:+.4f} | {(drawn < 0).mean():.3f}"


def copied(photos: Photos, vectors: dict[str, Vectors]) -> dict[str, str]:
    """Return for each engine the cells of finding copies."""
    truth = read_truth(photos.folder)
    with tempfile.TemporaryDirectory(prefix="precision-") as work:
        library = Library.open(work, create=True)
        library.index([truth.images])
        ids, _, hashes, of_file = read(library, truth.images)
        library.close()
    file_of = {photo: file for file, photo in of_file.items()}
    rows = [photos.place[file_of[photo]] for photo in ids.tolist()]
    wanted = [ids_of(pair, of_file) for pair in pairs_that_count(truth, photos.calibrated)]
    print(f"copies: {len(wanted)} pairs")
    cells = {}
    for name, each in vectors.items():
        # As a store holds them.
        found = nominate(ids, each[rows].astype(np.float16), hashes, shipped_space())
        pairs = {(a, b) for a, b in found.pairs.tolist()}
        share = np.mean([pair in pairs or pair[0] == pair[1] for pair in wanted])
        cells[name] = f"{share:.4f} | {len(pairs) / len(ids):.2f}"
    return cells


def pairs_that_count(truth: Truth, calibrated: frozenset[str]) -> list[tuple[str, str]]:
    """Return the pairs of an original and its copy of which neither was calibrated on."""
    return [copy.pair for copy in truth.copies if not calibrated & set(copy.pair)]


def index_cpu(graph: bytes, folder: Path) -> float:
    """Return CPU ms a photo of an index run with that network, its processes included."""
    of_session = onnxruntime.InferenceSession

    def opened(_: object, *arguments: Any, **named: Any) -> onnxruntime.InferenceSession:
        return of_session(graph, *arguments, **named)

    before = os.times()
    with (
        tempfile.TemporaryDirectory(prefix="precision-") as work,
        mock.patch.object(onnxruntime, "InferenceSession", opened),
    ):
        library = Library.open(work, create=True)
        library.index([folder])
        library.close()
    spent = sum(after - since for after, since in zip(os.times()[:4], before[:4], strict=True))
    return 1000 * spent / sum(len(files) for _, _, files in os.walk(folder))


def print_index_runs(folder: Path, graph: bytes, rounds: int) -> None:
    graphs = {FP32: SHIPPED_GRAPH.path.read_bytes(), BALANCED: graph}
    spent = defaultdict(list)
    for _ in range(rounds):
        for name, each in graphs.items():
            spent[name].append(index_cpu(each, folder))
    for name, costs in spent.items():
        print(f"index run, {name}: best {min(costs):.1f}, median {np.median(costs):.1f} CPU ms a photo")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--calibrate", type=int, default=200, metavar="N")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--index", type=Path, action="append", default=[], metavar="FOLDER")
    parser.add_argument("--only", action="append", default=[], metavar="WORD")
    arguments = parser.parse_args()
    labelled = [each for each in arguments.folders if (each / "ground_truth.json").is_file()]
    if not labelled:
        sys.exit("none of the folders has a ground_truth.json")
    sets = [read_photos(each, arguments.calibrate // len(labelled)) for each in labelled]
    drawn = [each.pictures[name] for each in sets for name in sorted(each.calibrated)]
    engines = open_engines(drawn, arguments.only)
    rows = {
        name: f"| {name} | {min(ms):.1f} | {np.median(ms):.1f} |"
        for name, ms in timed(engines, drawn[:TIMED], arguments.rounds).items()
    }
    for photos in sets:
        vectors = {name: embedded(run, photos) for name, run in engines.items()}
        cells = (copied if has_truth(photos.folder) else searched)(photos, vectors)
        for name in rows:
            rows[name] += f" {cells[name]} |"
    print("\n".join(rows.values()))
    if arguments.index:
        graph = balanced(onnx.load(SHIPPED_GRAPH.path), drawn)
        for folder in arguments.index:
            print_index_runs(folder, graph, arguments.rounds)


def embedded(run: Run, photos: Photos) -> Vectors:
    return normalized(np.stack([run(picture) for picture in photos.pictures.values()]))


if __name__ == "__main__":
    main()
