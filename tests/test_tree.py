"""The shape of the tree: arrows go one way, and each dangerous thing has exactly one home.

Every rule is a function from one parsed module to its violations. Each is tried on a snippet that
breaks it, so that a rule that has gone blind fails, too.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bulk", "commands", "dedup", "indexer", "output", "search", "store", "web")
MAX_LINES = 500

# Who may import what of ours: a folder may import itself and what is named here, and all that is below it.
# What makes a file an embedding (and, in the worker, a thumbnail) serves a query as well as a library, and
# so does the reader of pictures outside of it: search and dedup do not know each other.
EMBEDDING = tuple(
    f"indexer.{name}" for name in ("decode", "embed", "sandbox", "executor", "worker", "outside")
)
ALLOWED = {
    "errors": (),
    "store": ("errors", "store", "__version__"),
    "indexer": ("errors", "store", "indexer"),
    "search": ("errors", "store", "search", *EMBEDDING),
    "dedup": ("errors", "store", "dedup", "indexer.scan", *EMBEDDING),  # `check` looks into folders, too
    "bulk": ("errors", "store", "indexer", "search", "dedup", "bulk", "__version__"),
    "output": ("errors", "store", "output", "search", "dedup", "indexer.options", *EMBEDDING),
    "web": ("errors", "library", "store", "output", "search", "dedup", "indexer", "web", "__version__"),
}
FACES = ("cli", "__main__")  # nothing else may import cli
# Floors inside the store, the lowest first: none knows a higher one.
STORE_FLOORS = (
    (
        "store.records",
        "store.files",
        "store.columns",
        "store.names",
        "store.spec",
        "store.catalog.schema",
        "store.catalog.functions",
    ),
    ("store.filters", "store.index.exact", "store.index.ivf", "store.index.parts"),
    ("store.view",),
    ("store.catalog", "store.index"),
    ("store.index_cache",),
    ("store.store",),
    ("store.care", "store.absence", "store.knn_graph"),
)

HOMES = {
    "torch": ("indexer/embed/engines/torch.py",),
    "torchvision": ("indexer/embed/engines/torch.py",),
    # The latter multiplies bytes four times as fast as numpy does floats.
    "onnxruntime": ("indexer/embed/engines/onnx.py", "dedup/candidates/int8.py"),
    # The latter counts the bits that differ, ten times as fast as numpy.
    "faiss": ("store/index/exact.py",),
    "sqlalchemy": ("store/",),
    "sqlite3": ("store/",),
    # The latter draw text, and resize with the filters that others' programs resize with.
    "PIL": (
        "indexer/",
        "output/explain/captions.py",
        "output/sheet/drawing.py",
        "dedup/look/resampling.py",
    ),
    # Nothing is executed or fetched on behalf of a file.
    "subprocess": ("indexer/sandbox/process.py",),
    "rawpy": ("indexer/decode/raw.py",),
    # The second asks for the name of the host, the third is the page's server.
    "socket": ("indexer/sandbox/process.py", "store/lock.py", "web/serving.py"),
    "urllib": (
        "indexer/embed/weights/",
        "dedup/actions/trash.py",
        "web/api/photos.py",
    ),  # the latter two quote
}
# What comes with an extra only.
HOMES |= {
    "ray": ("bulk/on_ray.py",),
    "lance": ("bulk/lance_columns.py",),
    "pyarrow": ("bulk/", "store/frames.py"),
    "pandas": ("store/frames.py",),
    "fsspec": ("bulk/objects.py",),
    "s3fs": ("bulk/place.py",),
    "tokenizers": ("indexer/embed/text.py",),
    "watchfiles": ("indexer/watching.py",),
}
READING_HOMES = ("indexer/decode/decode.py",)
REMOVAL_HOMES = ("store/", "bulk/place.py", "dedup/actions/moves.py", "indexer/embed/weights/cache.py")
REMOVALS = {"remove", "unlink", "rmdir", "removedirs", "rmtree"}
OUTPUT_HOMES = ("cli.py", "output/console.py", "output/listing.py")
EXIT_HOMES = ("cli.py", "output/console.py", "output/streams.py", "__main__.py")
RUNS_WHAT_IT_READS = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


@dataclass(frozen=True)
class Module:
    """One parsed module of the package; path: relative to the root, with slashes."""

    path: str
    source: str

    @cached_property
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
    """Cli -> commands -> output, library -> search, dedup -> indexer -> store -> errors."""
    layer = module.parts[0] if module.parts else "__init__"
    for name in imports(module):
        if not is_below(name, "lookalike"):
            continue
        ours = name.removeprefix("lookalike").removeprefix(".")
        if layer in ALLOWED and not any(is_below(ours, prefix) for prefix in ALLOWED[layer]):
            yield f"{layer} must not import {ours or 'the package itself'}"
        elif is_below(ours, "cli") and layer not in FACES:
            yield "nothing imports cli"


def floors_of_the_store_know_no_higher_ones(module: Module) -> Iterator[str]:
    """Care, absence, knn_graph -> store -> catalog, index -> view -> filters -> records, files."""
    own = floor_of(".".join(module.parts))
    for name in imports(module):
        other = floor_of(name.removeprefix("lookalike."))
        if own is not None and other is not None and other > own:
            yield f"must not import {name.removeprefix('lookalike.')}"


def floor_of(name: str) -> int | None:
    """Return the floor of a module of the store, counted from below; None where it has none."""
    floors = (n for n, floor in enumerate(STORE_FLOORS) if any(is_below(name, each) for each in floor))
    return next(floors, None)


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
    floors_of_the_store_know_no_higher_ones,
    libraries_stay_at_home,
    pictures_are_opened_in_one_place,
    files_are_removed_in_one_place,
    only_the_command_line_prints,
    only_the_command_line_exits,
    nothing_runs_what_it_reads,
    modules_stay_small,
]


@cache
def modules() -> list[Module]:
    """Return every module of the package as it stands."""
    files = [*ROOT.glob("*.py"), *(file for name in PACKAGES for file in ROOT.glob(f"{name}/**/*.py"))]
    return [Module(file.relative_to(ROOT).as_posix(), file.read_text()) for file in sorted(files)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    found = [f"{module.path}: {violation}" for module in modules() for violation in rule(module)]
    assert not found, "\n".join([rule.__doc__ or "", *found])


def test_the_rules_look_at_every_layer() -> None:
    seen = {module.parts[0] for module in modules() if module.parts}
    assert {"errors", "store", "indexer", "search", "dedup", "output", "commands", "library", "cli"} <= seen


def arrows_among(all_modules: list[Module]) -> Mapping[str, set[str]]:
    """Return which of the modules each of them imports, at its top or anywhere else."""
    names = {".".join(module.parts) for module in all_modules if module.parts}
    found: dict[str, set[str]] = {}
    for module in all_modules:
        ours = [name.removeprefix("lookalike.") for name in imports(module) if is_below(name, "lookalike")]
        targets = {name if name in names else name.rpartition(".")[0] for name in ours}
        found[".".join(module.parts)] = (targets & names) - {".".join(module.parts)}
    return found


def circle_in(arrows: Mapping[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert not circle_in(arrows_among(modules()))


def test_a_circle_is_seen() -> None:
    ring = [
        Module("store/a.py", "from .b import x"),
        Module("store/b.py", "def f():\n    from ..search import c"),
        Module("search/c.py", "import lookalike.store.a"),
    ]
    assert len(circle_in(arrows_among(ring))) == 4
    assert not circle_in(arrows_among(ring[:2]))


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (arrows_go_one_way, "store/a.py", "from ..indexer.scan import Scan"),
        (arrows_go_one_way, "store/a.py", "from ..indexer import scan"),
        (arrows_go_one_way, "store/a.py", "from .. import search"),
        (arrows_go_one_way, "store/a.py", "import lookalike.dedup.proof"),
        (arrows_go_one_way, "indexer/embed/engines/a.py", "from ....search.by_image import x"),
        (arrows_go_one_way, "search/a.py", "from ..indexer.run import x"),
        (arrows_go_one_way, "search/a.py", "def f():\n    from ..dedup import groups"),
        (arrows_go_one_way, "errors.py", "from .store import spec"),
        (arrows_go_one_way, "library.py", "from .cli import app"),
        (arrows_go_one_way, "dedup/a.py", "from ..output.report.data import Review"),
        (arrows_go_one_way, "dedup/a.py", "from ..search.answers import Answer"),
        (arrows_go_one_way, "output/a.py", "from ..library import Library"),
        (arrows_go_one_way, "indexer/a.py", "from ..commands import options"),
        (floors_of_the_store_know_no_higher_ones, "store/view.py", "from .absence import x"),
        (floors_of_the_store_know_no_higher_ones, "store/view.py", "from .catalog import photos"),
        (floors_of_the_store_know_no_higher_ones, "store/filters/a.py", "from ..catalog import photos"),
        (arrows_go_one_way, "web/a.py", "from ..cli.app import app"),
        (libraries_stay_at_home, "indexer/embed/embedder.py", "import torch.nn as nn"),
        (libraries_stay_at_home, "cli.py", "def f():\n    from sqlalchemy.orm import Session"),
        (libraries_stay_at_home, "store/catalog/a.py", "import faiss"),
        (libraries_stay_at_home, "dedup/proof/a.py", "from PIL import Image"),
        (libraries_stay_at_home, "indexer/decode/decode.py", "import subprocess"),
        (libraries_stay_at_home, "indexer/decode/decode.py", "from urllib.request import urlopen"),
        (pictures_are_opened_in_one_place, "indexer/a.py", "Image.open(x)"),
        (pictures_are_opened_in_one_place, "indexer/a.py", "PIL.Image.open(x)"),
        (pictures_are_opened_in_one_place, "indexer/a.py", "from PIL.Image import open"),
        (files_are_removed_in_one_place, "dedup/actions/apply.py", "os.remove(x)"),
        (files_are_removed_in_one_place, "dedup/actions/plan.py", "Path(x).unlink()"),
        (files_are_removed_in_one_place, "library.py", "import shutil\nshutil.rmtree(x)"),
        (files_are_removed_in_one_place, "library.py", "from os import remove"),
        (files_are_removed_in_one_place, "cli.py", "import send2trash"),
        (only_the_command_line_prints, "library.py", "print(1)"),
        (only_the_command_line_exits, "output/listing.py", "sys.exit(1)"),
        (only_the_command_line_exits, "store/a.py", "raise SystemExit(1)"),
        (nothing_runs_what_it_reads, "store/a.py", "from pickle import loads"),
        (nothing_runs_what_it_reads, "store/a.py", "np.load(x, allow_pickle=True)"),
        (nothing_runs_what_it_reads, "indexer/embed/engines/torch.py", "torch.load(x)"),
        (modules_stay_small, "store/a.py", "x = 1\n" * (MAX_LINES + 1)),
    ],
)
def test_a_rule_sees_what_breaks_it(rule: Rule, path: str, source: str) -> None:
    assert list(rule(Module(path, source)))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("cli.py", "from .search.by_image import find\nprint(find())\nsys.exit(0)"),
        ("library.py", "from .dedup.copies import x\nfrom .indexer.run import y"),
        ("search/by_image.py", "from ..indexer.embed.embedder import Embedder\nfrom ..store import store"),
        ("dedup/proof/a.py", "from ...indexer.decode import decode\nseen.remove(1)"),
        ("indexer/decode/decode.py", "from PIL import Image\nImage.open(x)"),
        ("indexer/embed/engines/torch.py", "import torch\ntorch.load(x, weights_only=True)"),
        ("store/index/snapshot.py", "import sqlalchemy\nos.unlink(x)\nnp.load(x, allow_pickle=False)"),
        ("dedup/actions/moves.py", "os.unlink(x)"),
    ],
)
def test_no_rule_minds_what_is_right(path: str, source: str) -> None:
    assert [each for rule in RULES for each in rule(Module(path, source))] == []
