"""Index a folder and list the pictures that look most like one, best first.

python search_by_example.py store ~/Pictures beach.jpg
"""

import sys

from lookalike import Library, LookalikeError


def main(store: str, folder: str, image: str) -> None:
    with Library.open(store, create=True) as library:
        report = library.index(folder)
        print(f"{report.embedded} embedded, {report.unchanged} known", file=sys.stderr)
        for result in library.search(image, k=5):
            print(f"{result.score:.3f} {result.path}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(f"usage: {sys.argv[0]} STORE FOLDER IMAGE")
    try:
        main(*sys.argv[1:])
    except LookalikeError as error:
        sys.exit(f"{sys.argv[0]}: {error}")
