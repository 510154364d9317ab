"""List the pictures of a store that are least like all others: what may not belong into a set.

python find_outliers.py store 10
"""

import sys

import numpy as np

from lookalike import Library, LookalikeError


def main(store: str, count: str = "10") -> None:
    with Library.open(store) as library:
        ids, vectors = library.vectors()  # of length 1: products are scores
        paths = {photo.id: photo.path for photo in library.photos()}
    scores = vectors @ vectors.T  # n times n: of more than 20,000, a block at a time
    np.fill_diagonal(scores, -1)
    nearest = scores.max(axis=1)
    for row in np.argsort(nearest)[: int(count)]:
        print(f"{nearest[row]:.3f} {paths[int(ids[row])]}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(f"usage: {sys.argv[0]} STORE [COUNT]")
    try:
        main(*sys.argv[1:])
    except LookalikeError as error:
        sys.exit(f"{sys.argv[0]}: {error}")
