#!/usr/bin/env python3
"""Fit the projection by which the network's last map becomes a photo's local map.

    build_local_maps.py FOLDER... [--out FILE]

FOLDER: photos, some hundred or more, as unlike each other as can be. Each goes through the default
embedder's network; of all cells of all maps the directions are kept in which they differ most, half
evened out (divided by the fourth root of their variances). The same photos give the same projection up
to the last digits. The file holds statistics of features only, no picture and no name of one.
build_weights.py then makes it part of the graph. Needs the extras `dev` and `torch`.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy
import torch

from lookalike.errors import DecodeError
from lookalike.indexer.decode.decode import decode
from lookalike.indexer.embed.embedder import Embedder, default_spec
from lookalike.indexer.embed.engines.torch import torchvision_models
from lookalike.indexer.embed.local_maps import DIMS
from lookalike.indexer.embed.weights.loader import load_state
from lookalike.indexer.embed.weights.table import OFFICIAL, SHIPPED_MODEL, SHIPPED_PROJECTION

# The preset of these weights in torchvision.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Of the largest variance, added to all: rare directions are not blown up to noise.
EASE = 0.01
# Between as they are (0) and evened out wholly (1). The middle is a choice, not a finding: where it was
# compared, about as many crops were found either way.
EVENED = 0.5

Numbers = npt.NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=SHIPPED_PROJECTION.path)
    arguments = parser.parse_args()
    paths = sorted(path for folder in arguments.folders for path in folder.rglob("*") if path.is_file())
    count, mean, covariance = statistics(paths)
    matrix = projection(covariance)
    arrays = {"mean": mean.astype(np.float32), "matrix": matrix.astype(np.float32)}
    about = {"made_by": "tools/build_local_maps.py", "fitted_on": f"the maps of {count} photos"}
    arguments.out.write_bytes(safetensors.numpy.save(arrays, about))
    print(f"wrote {arguments.out}, {arguments.out.stat().st_size} bytes, {about['fitted_on']}")


def statistics(paths: list[Path]) -> tuple[int, Numbers, Numbers]:
    """Return of how many photos they are, and mean (1280,) and covariance of the cells of their maps."""
    embedder = Embedder(default_spec())
    features = network()
    photos = cells = 0
    total, squares = np.zeros(embedder.spec.dim), np.zeros((embedder.spec.dim, embedder.spec.dim))
    for path in paths:
        try:
            picture = decode(path.read_bytes(), min_side=embedder.min_side).image
        except DecodeError:
            continue
        local = cells_of(features, embedder.prepare(picture))
        total += local.sum(axis=0)
        squares += local.T @ local
        photos, cells = photos + 1, cells + len(local)
    mean = total / cells
    return photos, mean, squares / cells - np.outer(mean, mean)


def network() -> Any:
    """Return the layers of the shipped model up to its last map."""
    model = getattr(torchvision_models(), SHIPPED_MODEL)().eval()
    state = load_state(SHIPPED_MODEL, OFFICIAL[SHIPPED_MODEL].sha256, 1.0)
    model.load_state_dict({name: torch.from_numpy(np.array(tensor)) for name, tensor in state.items()})
    return model.features


def cells_of(features: Any, pixels: npt.NDArray[np.uint8]) -> Numbers:
    """Return the cells of a picture's last map, (cells, 1280). pixels: (H, W, 3)."""
    scaled = ((pixels / 255 - MEAN) / STD).astype(np.float32)
    with torch.inference_mode():
        found = features(torch.from_numpy(scaled).permute(2, 0, 1)[None])[0]
    return np.asarray(found.flatten(1).T.numpy(), np.float64)


def projection(covariance: Numbers) -> Numbers:
    """Return the matrix (1280, DIMS) by which a cell less the mean is multiplied."""
    variances, directions = np.linalg.eigh(covariance)
    variances, directions = variances[::-1][:DIMS], directions[:, ::-1][:, :DIMS]
    # The sign of an eigenvector is a matter of chance.
    directions = directions * np.sign(directions[np.abs(directions).argmax(axis=0), range(DIMS)])
    return np.asarray(directions / (variances + EASE * variances[0]) ** (EVENED / 2))


if __name__ == "__main__":
    main()
