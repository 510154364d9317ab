"""Environments of their own for other tools, made on first use from the lists in benchmarks/peers/."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from lookalike.benchmarks.processes import run

LISTS = Path(__file__).parent
ENVIRONMENTS = Path(__file__).parents[2] / ".venv" / "peers"


@dataclass(frozen=True, slots=True)
class Peer:
    """A way to ask another tool.

    package: its list of packages. python: what it runs on, by default ours. borrows: it may use our
    packages as well, after its own.
    """

    package: str
    python: str = sys.executable
    borrows: bool = False


PEERS = {
    "imagededup-cnn": Peer("imagededup", borrows=True),
    "imagededup-dhash": Peer("imagededup", borrows=True),
    "imagededup-phash": Peer("imagededup", borrows=True),
    "image-dedup-ai": Peer("image-dedup-ai"),
    "czkawka": Peer("czkawka"),
    "fastdup": Peer("fastdup"),
    "difpy": Peer("difpy"),
    "immaculate": Peer("immaculate", "python3.12"),
    "immaculate-sscd": Peer("immaculate", "python3.12"),
}


def interpreter(peer: Peer, environments: Path, told: Sequence[str] = ()) -> str:
    """Return the interpreter of a peer's environment, which is made if it is not there.

    told: "TOOL=PATH" of those that are there already.

    Raises:
        SystemExit: it cannot be made.
    """
    given = dict(each.split("=", 1) for each in told)
    if peer.package in given:
        return str(Path(given[peer.package]).absolute())
    environment = environments / peer.package
    python, made = environment.absolute() / "bin" / "python", environment / "made-from.txt"
    pinned = (LISTS / f"{peer.package}.txt").read_text()
    if not made.exists() or made.read_text() != pinned:
        make_environment(peer, environment)
        made.write_text(pinned)
    return str(python)


def make_environment(peer: Peer, environment: Path) -> None:
    base = which(peer.python)
    if base is None:
        raise SystemExit(f"there is no {peer.python} on the PATH")
    run([base, "-m", "venv", "--clear", str(environment)])
    # The lists are complete: what is not in them is lent, and must not be fetched.
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps"]
    run([*pip, "-r", str(LISTS / f"{peer.package}.txt")])
