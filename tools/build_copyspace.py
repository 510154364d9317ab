#!/usr/bin/env python3
"""Fit the space in which copies lie close together, for the default embedder.

    build_copyspace.py FOLDER... [--out FILE]

FOLDER: photos, a thousand or more, as unlike each other as can be. Each is embedded as it is and after
twelve random edits. What the edits do to embeddings is divided out, then the directions in which photos
differ most are kept and evened out. Before that it is done twice with half of the photos, and tested on
the other half; the table goes to the terminal. The same photos give the same space up to the last digits.
The file holds statistics of embeddings only, no picture and no name of one.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import safetensors.numpy

from lookalike.dedup.candidates.copy_space import FILE
from lookalike.errors import DecodeError
from lookalike.indexer.decode.decode import decode
from lookalike.indexer.embed.embedder import Embedder, default_spec
from lookalike.store.records import Vectors
from lookalike.tools.edits import EDITS, edited

DIM = 256
LONG_SIDE = 640
# Of the mean variance: what the edits do not do to these photos, others may do to others.
EASE_EDITS = 0.3
# Of the largest variance of what is left.
EASE_PHOTOS = 0.01


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=FILE)
    arguments = parser.parse_args()
    paths = sorted(path for folder in arguments.folders for path in folder.rglob("*") if path.is_file())
    embedder = Embedder(default_spec())
    vectors = embed_all(embedder, paths)
    print_held_out(vectors)
    mean, matrix = fit(vectors)
    arrays = {"mean": mean.astype(np.float16), "matrix": matrix.astype(np.float16)}
    about = {
        "fingerprint": embedder.spec.fingerprint,
        "made_by": "tools/build_copyspace.py",
        "fitted_on": f"embeddings of {len(vectors)} photos and of {vectors.shape[1] - 1} edits of each",
    }
    safetensors.numpy.save_file(arrays, arguments.out, about)
    print(f"wrote {arguments.out}, {arguments.out.stat().st_size} bytes, {about['fitted_on']}")


def embed_all(embedder: Embedder, paths: list[Path]) -> Vectors:
    """Return unit vectors (photos, 1 + edits, dim) float32; the first is the photo as it is."""

    def embed(number: int) -> Vectors | None:
        try:
            picture = decode(paths[number].read_bytes()).image.convert("RGB")
        except DecodeError:
            return None
        picture.thumbnail((LONG_SIDE, LONG_SIDE))
        pictures = [picture, *edited(picture, np.random.default_rng(number))]
        return embedder.embed([embedder.prepare(each) for each in pictures])

    with ThreadPoolExecutor() as threads:
        found = [each for each in threads.map(embed, range(len(paths))) if each is not None]
    vectors = np.stack(found)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=2, keepdims=True), np.float32)


def fit(vectors: Vectors) -> tuple[Vectors, Vectors]:
    """Return mean (dim,) and matrix (dim, DIM) of the space."""
    photos = vectors[:, 0].astype(np.float64)
    mean = photos.mean(axis=0)
    moves = (vectors[:, 1:] - vectors[:, :1]).reshape(-1, photos.shape[1]).astype(np.float64)
    variances, directions = np.linalg.eigh(moves.T @ moves / len(moves))
    still = directions / np.sqrt(variances + EASE_EDITS * variances.mean())
    apart = (photos - mean) @ still
    variances, directions = np.linalg.eigh(apart.T @ apart / len(photos))
    variances, directions = variances[::-1][:DIM], directions[:, ::-1][:, :DIM]
    matrix = still @ (directions / np.sqrt(variances + EASE_PHOTOS * variances[0]))
    # Only directions count; at this scale half precision holds them well.
    matrix /= np.abs(matrix).max()
    return np.asarray(mean, np.float32), np.asarray(matrix, np.float32)


def print_held_out(vectors: Vectors) -> None:
    """Print how well halves of the photos teach about the other halves."""
    half = np.random.default_rng(0).permutation(len(vectors)) < len(vectors) // 2
    tested = [(fit(vectors[half]), vectors[~half]), (fit(vectors[~half]), vectors[half])]
    print("floor   pairs of unlike photos per thousand   edits found, by kind and after two")
    scores = [held_out_scores(*space, others) for space, others in tested]
    for floor in np.arange(0.3, 0.65, 0.05):
        unlike = np.mean([(apart >= floor).mean() for _, apart in scores])
        found = np.concatenate([copies >= floor for copies, _ in scores]).mean(axis=0)
        kinds = [f"{edit.__name__} {share:.3f}" for edit, share in zip(EDITS, found, strict=False)]
        kinds.append(f"two {found[len(EDITS) :].mean():.3f}")
        print(f"{floor:.2f}   {1000 * unlike:.2f}   {', '.join(kinds)}")


def held_out_scores(mean: Vectors, matrix: Vectors, vectors: Vectors) -> tuple[Vectors, Vectors]:
    """Return the cosines of photos and their edits (n, edits), and of different photos (pairs,)."""
    points = (vectors - mean) @ matrix
    points /= np.linalg.norm(points, axis=2, keepdims=True)
    between = np.asarray(points[:, 0] @ points[:, 0].T, np.float32)
    copies = np.asarray(np.einsum("nd,ned->ne", points[:, 0], points[:, 1:]), np.float32)
    return copies, between[np.triu_indices(len(between), 1)]


if __name__ == "__main__":
    main()
