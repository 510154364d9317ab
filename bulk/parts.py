"""Sharing units without a coordinator: part I of N does its own, then what others have not done.

Which unit is whose follows from its number. A claim says that somebody is at a unit, so that two seldom do
the same; it is no lock: a unit that is done twice has the same result twice.
"""

import json
import os
import platform
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import xxhash

from ..errors import UsageError
from ..store.lock import is_alive
from .place import Place
from .stages import Stage

LEASE_S = 900.0  # a claim older than this is that of a machine that is gone
_LISTING_SHARE = 0.05  # of the time, at most, goes into looking up what others have done meanwhile


@dataclass(frozen=True, slots=True)
class Part:
    """Part `index` of `count`, counted from 0, as job schedulers count."""

    index: int
    count: int

    @classmethod
    def of(cls, text: str) -> "Part":
        """Read "3/64".

        Raises:
            UsageError: it is no part.
        """
        index, _, count = text.partition("/")
        if not (index.isascii() and index.isdigit() and count.isascii() and count.isdigit()):
            raise UsageError(f'a part is written as I/N, such as "0/4", not "{text}"')
        if int(index) >= int(count):
            raise UsageError(f"parts are counted from 0: the last of {count} is {int(count) - 1}/{count}")
        return cls(int(index), int(count))

    def owns(self, number: int) -> bool:
        """Tell whether a unit is of this share."""
        return _hashed(number) % self.count == self.index

    def others(self, numbers: Iterable[int]) -> list[int]:
        """Return the units of other shares, in an order that is this part's own: two seldom meet."""
        return sorted(
            (number for number in numbers if not self.owns(number)),
            key=lambda number: _hashed(number, self.index + 1),
        )

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def _hashed(number: int, seed: int = 0) -> int:
    return xxhash.xxh3_64_intdigest(number.to_bytes(8, "little"), seed)


class Shares:
    """What a part may do now: units that are not done and that nobody else is at."""

    def __init__(self, part: Part, stage: Stage, place: Place) -> None:
        self._part, self._stage, self._place = part, stage, place.at("claims")
        self._done: set[int] = set()
        self._list_at = 0.0

    def claim(self, number: int) -> bool:
        """Take a unit, unless somebody has it or it is done."""
        if not self._claim(number):
            return False
        # Asked once it is claimed: a result is there before its claim is given back.
        if number not in self._done_by_now():
            return True
        self.release(number)
        return False

    def release(self, number: int) -> None:
        """Give a unit back, done or not."""
        self._place.remove(self._name(number))

    def _done_by_now(self) -> set[int]:
        begun = time.monotonic()
        if begun >= self._list_at:
            self._done = self._stage.done()
            self._list_at = begun + (time.monotonic() - begun) / _LISTING_SHARE
        return self._done

    def _claim(self, number: int) -> bool:
        name = self._name(number)
        claim = {
            "part": str(self._part),
            "host": platform.node(),
            "process": os.getpid(),
            "time": time.time(),
        }
        data = json.dumps(claim).encode()
        if self._place.create(name, data):
            return True
        with suppress(FileNotFoundError):  # given back meanwhile
            if self._is_held(json.loads(self._place.read(name))):
                return False
        self._place.write(name, data)
        return True

    def _is_held(self, claim: dict[str, str | float]) -> bool:
        """Tell whether whoever claimed may still be at it; the same part is an earlier run of this one."""
        if claim["part"] == str(self._part) or time.time() - float(claim["time"]) > LEASE_S:
            return False
        return claim["host"] != platform.node() or is_alive(int(claim["process"]))

    def _name(self, number: int) -> str:
        return f"{self._stage.name}-{number:08d}"
