"""How long the tests that break things go on, and by what draws: short in the suite, long in `make soak`.

Every number has a name, which is an environment variable; LOOKALIKE_SOAK=1 takes all of them long.
LOOKALIKE_FAULT_SEED chooses the draws: always the same in the suite, others in each soak.
"""

import os
import random
from collections import Counter

SOAK = os.environ.get("LOOKALIKE_SOAK") == "1"
# In the environment, as the processes that share the work of a run draw by one seed.
_FRESH = str(random.SystemRandom().randrange(10**9) if SOAK else 2026)
SEED = int(os.environ.setdefault("LOOKALIKE_FAULT_SEED", _FRESH))

# What was broken so far in this run, for the line at the end; what it is called, how often.
rounds: Counter[str] = Counter()


def scale(name: str, *, suite: int, soak: int) -> int:
    """Return how often to do something: the environment variable, else by what is run."""
    return int(os.environ.get(name) or (soak if SOAK else suite))


def count(what: str, times: int = 1) -> None:
    """Note that something was broken so many times more, and that it was looked at afterwards."""
    rounds[what] += times
