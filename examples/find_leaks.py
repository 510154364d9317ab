"""List the pictures of a test set that are in the training set, too, as CSV; end with 1 if there are any.

With 2 if they could not be looked for: there is no such folder, nothing in it can be read.

python find_leaks.py data/train data/test > leaks.csv
"""

import csv
import sys

import lookalike


def main(train: str, test: str) -> int:
    found = lookalike.leaks(train, test)
    out = csv.writer(sys.stdout)
    out.writerow(lookalike.Leak._fields)
    out.writerows(found)
    return 1 if found else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} TRAIN TEST")
    try:
        sys.exit(main(*sys.argv[1:]))
    except lookalike.LookalikeError as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        sys.exit(2)
