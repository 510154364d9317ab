"""Runs of a function in a process of its own, which is killed, or ends with a code, as any process does."""

import json
from dataclasses import dataclass
from typing import Any

from lookalike.tests.children import run_child

_HOUR_S = 3600
_CALL = """
import importlib, json, sys
module, _, name = sys.argv[1].partition(":")
sys.exit(getattr(importlib.import_module(module), name)(*json.loads(sys.argv[2])))
"""


@dataclass(frozen=True)
class Ended:
    """How a run ended. code: its exit code, or the negative number of the signal that killed it."""

    code: int
    out: str
    err: str


def run(task: str, *arguments: Any) -> Ended:
    """Run a function `module:name` with arguments of text and numbers to its end, or until it is killed."""
    done = run_child(_CALL, task, json.dumps(arguments), timeout=_HOUR_S)
    return Ended(done.returncode, done.stdout, done.stderr)
