"""The shape of the tree: arrows go one way, and each dangerous thing has exactly one home.

Every rule is a function from one parsed module to its violations. Each is tried on a snippet that
breaks it, so that a rule that has gone blind fails, too.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("cli", "dedup", "indexer", "report", "search", "sheets", "store", "web", "words")
MAX_LINES = 320

# Who may import what of ours. A prefix allows all that is below it; "" allows everything.
GROUND = ("errors", "spec", "documents", "__version__")
# What makes a file an embedding (and, in the worker, a thumbnail) serves a query as well as a library.
EMBEDDING = (
    "decode",
    "embedder",
    "executor",
    "machine",
    "models",
    "preprocess",
    "reading",
    "sandbox",
    "worker",
)
INDEXER_FOR_ALL = tuple(f"indexer.{module}" for module in EMBEDDING)
ALLOWED = {
    "errors": (),
    "spec": ("errors",),
    "store": (*GROUND, "store"),
    "indexer": (*GROUND, "store", "indexer"),
    "words": (*GROUND, "store", "words", "indexer.weights"),
    "search": (*GROUND, "store", "search", "words", *INDEXER_FOR_ALL),
    "dedup": (*GROUND, "store", "dedup", *INDEXER_FOR_ALL),
    "sheets": (*GROUND, "render", "store", "search", "sheets", *INDEXER_FOR_ALL),
    "report": (*GROUND, "render", "store", "dedup", "report"),
}
FACES = ("cli", "__main__")  # nothing else may import cli

HOMES = {
    "torch": ("indexer/engines/torch.py",),
    "torchvision": ("indexer/engines/torch.py",),
    # The latter multiplies bytes four times as fast as numpy does floats.
    "onnxruntime": ("indexer/engines/onnx.py", "dedup/products.py"),
    # The latter counts the bits that differ, ten times as fast as numpy.
    "faiss": ("store/vectors.py",),
    "sqlalchemy": ("store/",),
    "sqlite3": ("store/",),
    "PIL": ("indexer/", "dedup/captions.py", "sheets/drawing.py"),  # the latter draw text
    # Nothing is executed or fetched on behalf of a file.
    "subprocess": ("dedup/crew.py", "indexer/sandbox/member.py"),
    "socket": ("indexer/sandbox/member.py", "store/lock.py"),  # the latter asks for the name of the host
    "urllib": ("indexer/weights/", "dedup/acts/places.py"),  # the latter quotes a path
}
READING_HOMES = ("indexer/decode.py",)
REMOVAL_HOMES = ("store/", "dedup/acts/moves.py", "indexer/weights/cache.py")
REMOVALS = {"remove", "unlink", "rmdir", "removedirs", "rmtree"}
OUTPUT_HOMES = ("cli.py", "console.py", "render.py")
EXIT_HOMES = ("cli.py", "console.py", "__main__.py")
RUNS_WHAT_IT_READS = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


@dataclass(frozen=True)
class Module:
    """One parsed module of the package; path: relative to the root, with slashes."""

    path: str
    source: str

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, self.path)

    @property
    def parts(self) -> list[str]:
        """The dotted name below lookalike, as a list; [] for the package itself."""
        parts = self.path.removesuffix(".py").split("/")
        return parts[:-1] if parts[-1] == "__init__" else parts

    def lives_in(self, homes: tuple[str, ...]) -> bool:
        return any(self.path == home or self.path.startswith(home) for home in homes)


Rule = Callable[[Module], Iterator[str]]


def imports(module: Module) -> Iterator[str]:
    """Yield the full dotted name of everything a module imports, ours as "lookalike...."."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = imported_from(module, node)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def imported_from(module: Module, node: ast.ImportFrom) -> str:
    """Return the dotted name after "from", with leading dots resolved."""
    if node.level == 0:
        return node.module or ""
    folder = ["lookalike", *module.path.split("/")[:-1]]
    base = folder[: len(folder) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


def calls(module: Module) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call with the source of what is called, such as "os.remove"."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def is_below(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


# The rules


def arrows_go_one_way(module: Module) -> Iterator[str]:
    """Cli -> search, dedup, indexer -> store -> errors, and nothing imports cli."""
    layer = module.parts[0] if module.parts else "__init__"
    for name in imports(module):
        if not is_below(name, "lookalike"):
            continue
        ours = name.removeprefix("lookalike").removeprefix(".")
        if layer in ALLOWED and not any(is_below(ours, prefix) for prefix in ALLOWED[layer]):
            yield f"{layer} must not import {ours or 'the package itself'}"
        elif is_below(ours, "cli") and layer not in FACES:
            yield "nothing imports cli"


def libraries_stay_at_home(module: Module) -> Iterator[str]:
    """Torch, onnxruntime, faiss, SQL and PIL are imported in one place each."""
    for name in imports(module):
        homes = HOMES.get(name.partition(".")[0])
        if homes and not module.lives_in(homes):
            yield f"{name} belongs to {' '.join(homes)}"


def pictures_are_opened_in_one_place(module: Module) -> Iterator[str]:
    """Image.open is where decoders meet strangers' bytes: limits and checks stand around it."""
    if module.lives_in(READING_HOMES):
        return
    if "PIL.Image.open" in imports(module):
        yield "PIL.Image.open imported"
    yield from (called for called, _ in calls(module) if called.endswith("Image.open"))


def files_are_removed_in_one_place(module: Module) -> Iterator[str]:
    """Only the caches (their own files) and what acts along a journal can lose a file."""
    if module.lives_in(REMOVAL_HOMES):
        return
    for called, node in calls(module):
        owner, _, verb = called.rpartition(".")
        # list.remove() and set.remove() are no harm: "remove" counts for os only.
        if verb in REMOVALS and (verb != "remove" or owner == "os"):
            yield f"line {node.lineno}: {called}"
    for name in imports(module):
        owner, _, verb = name.rpartition(".")
        if (owner in ("os", "shutil") and verb in REMOVALS) or name.startswith("send2trash"):
            yield f"import of {name}"


def only_the_command_line_prints(module: Module) -> Iterator[str]:
    """A library returns and raises."""
    if not module.lives_in(OUTPUT_HOMES):
        yield from (f"line {node.lineno}" for called, node in calls(module) if called == "print")


def only_the_command_line_exits(module: Module) -> Iterator[str]:
    """A library never ends the program it is part of."""
    if module.lives_in(EXIT_HOMES):
        return
    exits = {"sys.exit", "exit", "quit", "os._exit", "SystemExit"}
    yield from (f"line {node.lineno}" for called, node in calls(module) if called in exits)


def nothing_runs_what_it_reads(module: Module) -> Iterator[str]:
    """No pickle in any shape: opening a file must never run it."""
    for name in imports(module):
        if name.partition(".")[0] in RUNS_WHAT_IT_READS:
            yield f"import of {name}"
    for called, node in calls(module):
        given = {each.arg: ast.unparse(each.value) for each in node.keywords}
        if given.get("allow_pickle", "False") != "False":
            yield f"line {node.lineno}: allow_pickle"
        if called == "torch.load" and given.get("weights_only") != "True":
            yield f"line {node.lineno}: torch.load without weights_only=True"


def modules_stay_small(module: Module) -> Iterator[str]:
    """A module that has outgrown one sitting hides a second idea."""
    n_lines = module.source.count("\n")
    if n_lines > MAX_LINES:
        yield f"{n_lines} lines, at most {MAX_LINES}"


RULES: list[Rule] = [
    arrows_go_one_way,
    libraries_stay_at_home,
    pictures_are_opened_in_one_place,
    files_are_removed_in_one_place,
    only_the_command_line_prints,
    only_the_command_line_exits,
    nothing_runs_what_it_reads,
    modules_stay_small,
]


def modules() -> list[Module]:
    """Parse every module of the package as it stands."""
    files = [*ROOT.glob("*.py"), *(file for name in PACKAGES for file in ROOT.glob(f"{name}/**/*.py"))]
    return [Module(file.relative_to(ROOT).as_posix(), file.read_text()) for file in sorted(files)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    found = [f"{module.path}: {violation}" for module in modules() for violation in rule(module)]
    assert not found, "\n".join([rule.__doc__ or "", *found])


def test_the_rules_look_at_every_layer() -> None:
    seen = {module.parts[0] for module in modules() if module.parts}
    assert {"errors", "spec", "store", "indexer", "search", "dedup", "report"} <= seen


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (arrows_go_one_way, "store/a.py", "from ..indexer.scan import Scan"),
        (arrows_go_one_way, "store/a.py", "from ..indexer import scan"),
        (arrows_go_one_way, "store/a.py", "from .. import search"),
        (arrows_go_one_way, "store/a.py", "import lookalike.dedup.proof"),
        (arrows_go_one_way, "indexer/engines/a.py", "from ...search.query import x"),
        (arrows_go_one_way, "search/a.py", "from ..indexer.pipeline import x"),
        (arrows_go_one_way, "search/a.py", "def f():\n    from ..dedup import groups"),
        (arrows_go_one_way, "errors.py", "from . import spec"),
        (arrows_go_one_way, "library.py", "from .cli import app"),
        (arrows_go_one_way, "report/a.py", "from ..console import tell"),
        (arrows_go_one_way, "dedup/a.py", "from ..report.data import Review"),
        (arrows_go_one_way, "web/a.py", "from ..cli.app import app"),
        (libraries_stay_at_home, "indexer/embedder.py", "import torch.nn as nn"),
        (libraries_stay_at_home, "cli.py", "def f():\n    from sqlalchemy.orm import Session"),
        (libraries_stay_at_home, "store/catalog.py", "import faiss"),
        (libraries_stay_at_home, "dedup/proof.py", "from PIL import Image"),
        (libraries_stay_at_home, "indexer/decode.py", "import subprocess"),
        (libraries_stay_at_home, "indexer/decode.py", "from urllib.request import urlopen"),
        (pictures_are_opened_in_one_place, "indexer/a.py", "Image.open(x)"),
        (pictures_are_opened_in_one_place, "indexer/a.py", "PIL.Image.open(x)"),
        (pictures_are_opened_in_one_place, "indexer/a.py", "from PIL.Image import open"),
        (files_are_removed_in_one_place, "dedup/apply.py", "os.remove(x)"),
        (files_are_removed_in_one_place, "dedup/plan.py", "Path(x).unlink()"),
        (files_are_removed_in_one_place, "library.py", "import shutil\nshutil.rmtree(x)"),
        (files_are_removed_in_one_place, "library.py", "from os import remove"),
        (files_are_removed_in_one_place, "cli.py", "import send2trash"),
        (only_the_command_line_prints, "library.py", "print(1)"),
        (only_the_command_line_exits, "render.py", "sys.exit(1)"),
        (only_the_command_line_exits, "store/a.py", "raise SystemExit(1)"),
        (nothing_runs_what_it_reads, "store/a.py", "from pickle import loads"),
        (nothing_runs_what_it_reads, "store/a.py", "np.load(x, allow_pickle=True)"),
        (nothing_runs_what_it_reads, "indexer/engines/torch.py", "torch.load(x)"),
        (modules_stay_small, "store/a.py", "x = 1\n" * (MAX_LINES + 1)),
    ],
)
def test_a_rule_sees_what_breaks_it(rule: Rule, path: str, source: str) -> None:
    assert list(rule(Module(path, source)))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("cli.py", "from .search.query import find\nprint(find())\nsys.exit(0)"),
        ("library.py", "from .dedup.plan import x\nfrom .indexer.pipeline import y"),
        ("search/query.py", "from ..indexer.embedder import Embedder\nfrom ..store import store"),
        ("dedup/proof.py", "from ..indexer.decode import decode\nseen.remove(1)"),
        ("indexer/decode.py", "from PIL import Image\nImage.open(x)"),
        ("indexer/engines/torch.py", "import torch\ntorch.load(x, weights_only=True)"),
        ("store/snapshot.py", "import sqlalchemy\nos.unlink(x)\nnp.load(x, allow_pickle=False)"),
        ("dedup/acts/moves.py", "os.unlink(x)"),
    ],
)
def test_no_rule_minds_what_is_right(path: str, source: str) -> None:
    assert [each for rule in RULES for each in rule(Module(path, source))] == []
