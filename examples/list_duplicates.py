"""List the duplicates in a folder, the file to keep first in each group; nothing is moved.

python list_duplicates.py ~/Pictures
"""

import sys

import lookalike


def main(folder: str) -> None:
    report = lookalike.duplicates(folder)
    for group in report.groups:
        print(f"keep {group.keeper.path} ({group.reason})")
        for member in group.members:
            print(f"     {member.file.path}: {member.transform}")
    size = sum(group.wasted_bytes for group in report.groups)
    print(f"{len(report.groups)} groups, {size:,} bytes in copies")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} FOLDER")
    try:
        main(*sys.argv[1:])
    except lookalike.LookalikeError as error:
        sys.exit(f"{sys.argv[0]}: {error}")
