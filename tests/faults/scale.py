"""How long the tests that break things go on: short in the suite, long in `make soak`.

Every number has a name, which is an environment variable; LOOKALIKE_SOAK=1 takes all of them long.
"""

import os
from collections import Counter

SOAK = "LOOKALIKE_SOAK"

# What was broken so far in this run, for the line at the end; what it is called, how often.
rounds: Counter[str] = Counter()


def scale(name: str, *, suite: int, soak: int) -> int:
    """Return how often to do something: the environment variable, else by what is run."""
    return int(os.environ.get(name) or (soak if os.environ.get(SOAK) == "1" else suite))


def count(what: str, times: int = 1) -> None:
    """Note that something was broken so many times more, and that it was looked at afterwards."""
    rounds[what] += times
