#!/usr/bin/env python3
"""Write the reference of the Python API, from its docstrings, at the end of docs/python.md.

    python tools/api_reference.py

A test fails where it is not up to date.
"""

import ast
import functools
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lookalike
from lookalike import errors
from lookalike.dedup.copies import Copies
from lookalike.dedup.files import Files
from lookalike.indexer.folders import Folders
from lookalike.library import Library
from lookalike.search.labels.labels import Labels
from lookalike.search.searches import Searches

DOCUMENT = Path(__file__).resolve().parent.parent / "docs/python.md"
MARK = "## Reference\n"

PARTS = {"searches": Searches, "labels": Labels, "copies": Copies, "files": Files, "folders": Folders}
FUNCTIONS = ("leaks", "duplicates", "store_of")


def main() -> None:
    DOCUMENT.write_text(with_reference(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")


def with_reference(document: str) -> str:
    """Return a document with what stands from its head "Reference" on made anew."""
    return document[: document.index(MARK)] + MARK + "\n" + "\n".join(reference()).rstrip() + "\n"


def reference() -> Iterator[str]:
    yield "Made from the docstrings by `tools/api_reference.py`. `Folder` and `AnyPath` are a str or an"
    yield "os.PathLike; where a list of them is meant, one alone is a list of one, not of its letters."
    yield "What stands under Data is imported from `lookalike`, errors from `lookalike.errors`.\n"
    yield "### Functions\n"
    for name in FUNCTIONS:
        yield from function(f"lookalike.{name}", getattr(lookalike, name))
    yield "### Library\n"
    yield from of_class(Library, "library")
    for name, part in PARTS.items():
        yield f"### library.{name}\n"
        yield from of_class(part, f"library.{name}")
    yield "### Data\n"
    named = [getattr(lookalike, name) for name in lookalike.__all__ if name not in ("Library", *FUNCTIONS)]
    data = {each.__name__: each for each in named if is_data(each)}
    for name, each in sorted(data.items()):
        yield f"#### {name}\n"
        yield from of_class(each, name.lower())
    yield "### Errors\n"
    yield "Of `lookalike.errors`, each with the exit code that the command line gives it.\n"
    yield f"```\n{tree()}\n```\n"


def is_data(thing: Any) -> bool:
    return inspect.isclass(thing) and not issubclass(thing, Exception)


def of_class(kind: type, owner: str) -> Iterator[str]:
    """Yield the docstring of a class, its fields, and its public methods, in their order."""
    yield text(kind.__doc__ or "")
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(tree, ast.ClassDef)
    fields = [each for each in tree.body if isinstance(each, ast.AnnAssign) and not is_private(each.target)]
    if fields:
        yield "```python\n" + "\n".join(map(code, fields)) + "\n```\n"
    for name, member in vars(kind).items():
        if not name.startswith("_") and not is_exit_code(kind, name):
            yield from member_of(owner, name, member)


def is_private(target: ast.expr) -> bool:
    return ast.unparse(target).startswith("_")


def is_exit_code(kind: type, name: str) -> bool:
    return issubclass(kind, Exception) and name == "exit_code"


def member_of(owner: str, name: str, member: Any) -> Iterator[str]:
    if isinstance(member, (property, functools.cached_property)):
        found = member.fget if isinstance(member, property) else member.func
        yield f"**`{owner}.{name}`**: {text(found.__doc__ or '')}"
    elif isinstance(member, classmethod):
        yield from function(f"{owner.capitalize()}.{name}", member.__func__)
    elif inspect.isfunction(member):
        yield from function(f"{owner}.{name}", member)


def function(name: str, made: Any) -> Iterator[str]:
    """Yield the signature of a function as code, and its docstring."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(made))).body
    assert isinstance(tree, ast.FunctionDef)
    tree = plain(tree)
    arguments = tree.args
    owned = next(iter(arguments.args), None)
    if owned is not None and owned.arg in ("self", "cls"):
        arguments.args = arguments.args[1:]
    returned = f" -> {ast.unparse(tree.returns)}" if tree.returns else ""
    inner = re.sub(r"(?<=[\w\]])=", " = ", code(arguments))
    call = f"{name}({inner}){returned}"
    if len(call) > 100:
        inner = re.sub(r", (?=\*|\w+:)", ",\n    ", inner)
        call = f"{name}(\n    {inner},\n){returned}"
    yield f"```python\n{call}\n```\n"
    yield text(made.__doc__ or "")


class _Plain(ast.NodeTransformer):
    """Takes the quotes off annotations."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = _unquoted(node.annotation)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = _unquoted(node.returns)
        self.visit(node.args)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        node.annotation = _unquoted(node.annotation) or node.annotation
        return node


def code(tree: ast.AST) -> str:
    """Return the source of a tree, in the quotes of ours: ruff formats the documents, too."""
    return ast.unparse(plain(tree)).replace("'", '"')


def plain(tree: Any) -> Any:
    return _Plain().visit(tree)


def _unquoted(annotation: ast.expr | None) -> ast.expr | None:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return ast.parse(annotation.value, mode="eval").body
    return annotation


def text(docstring: str) -> str:
    """Return a docstring as Markdown: examples as code, errors as a list."""
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    return "\n\n".join(map(paragraph, paragraphs)) + "\n"


def paragraph(lines: str) -> str:
    if lines.startswith(">>>"):
        return "```python\n" + re.sub(r" *# doctest: \+SKIP", "", lines) + "\n```"
    head, _, errors = lines.partition("\n")
    if head == "Raises:":
        return "Raises:\n\n" + re.sub("^ {4}", "- ", re.sub("\n {8}", " ", errors), flags=re.MULTILINE)
    return lines


def tree() -> str:
    """Return the tree of errors as their module draws it."""
    return (errors.__doc__ or "").partition("\n\n")[2].strip()


if __name__ == "__main__":
    main()
