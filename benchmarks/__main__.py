"""Run every benchmark that needs nothing but photos, one after the other.

    python -m lookalike.benchmarks FOLDER...

Each script in the folders beside this file says what it needs in a line of its own: NEEDS = "photos". Those
that need more are run by hand: benchmarks/README.md lists them.
"""

import re
import subprocess
import sys
from pathlib import Path

from lookalike.benchmarks.arguments import parser_for

NEEDED = re.compile(r'^NEEDS = "(.+)"$', re.MULTILINE)


def needs() -> dict[Path, str]:
    """Return the scripts of all benchmarks, each with what it needs."""
    scripts = sorted(Path(__file__).parent.glob("*/*.py"))
    found = {script: NEEDED.search(script.read_text(encoding="utf-8")) for script in scripts}
    return {script: needed[1] for script, needed in found.items() if needed}


def main() -> None:
    parser = parser_for(__doc__)
    parser.add_argument("folders", nargs="+", metavar="FOLDER")
    given = {"photos": parser.parse_args().folders, "nothing": []}
    for script, needed in needs().items():
        if needed in given:
            print(f"== {script.parent.name}/{script.name}", flush=True)
            ended = subprocess.run([sys.executable, script, *given[needed]], check=False).returncode
            if ended:
                sys.exit(f"{script} ended with {ended}")


if __name__ == "__main__":
    main()
