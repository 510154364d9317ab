"""List the pictures of a test set that are in the training set, too, as CSV; end with 1 if there are any.

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
    sys.exit(main(*sys.argv[1:]))
