"""The schemas in docs/schemas/ describe what the commands print as JSON, all of it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lookalike.commands.groups import COMMANDS
from lookalike.commands.help import as_command
from lookalike.tests.library import lookalike, make_photos

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schemas"
SCHEMAS = {file.stem: json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))}
# What a command prints that is another listing, or needs more than a library.
OTHERS = {"undo": "apply", "prune": "apply", "teach": "taught"}
NOT_DESCRIBED = {
    "repair",
    "backup",
    "bulk run",
    "bulk status",
    "bulk plan",
    "bulk import",
}
NOT_DESCRIBED |= {"bulk finish", "bulk dupes", "restore", "compact"}


def outputs(folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield what commands print of a small library, each with the name of its schema."""
    photos, store = make_photos(folder / "photos"), folder / "store"
    first, second = photos / "2021/photo0.jpg", photos / "2022/photo1.jpg"
    card = folder / "card"
    shutil.copytree(photos / "edited", card)
    (card / "film.mp4").touch()
    (card / "broken.jpg").touch()
    shutil.copy(second, card)
    away = photos / "away.jpg"
    shutil.copy(photos / "2023/photo2.jpg", away)

    def said(name: str, *words: str | Path, more: str = "") -> tuple[str, Any]:
        run = lookalike(*words, "--store", store, "--format", "json")
        assert run.code in (0, 3, 10), run.err
        return name + more, run.json

    yield said("index", "index", photos)
    yield said("search", "search", first, "-k", "3")
    yield said("search", "search", first, second, "--together", "-k", "3")
    yield said("search", "search", first, "--box", "10%,10%,60%,60%", "-k", "3")
    yield said("search", "search", "--since", "2022")
    yield said("labels", "labels")
    plan = folder / "plan.json"
    yield said("dupes", "dupes", "--similar", "--min-score", "0.3", "--plan", plan)
    yield "plan", json.loads(plan.read_text())
    yield said("check", "check", card)
    yield said("explain", "explain", first, photos / "edited/photo0-small.jpg")
    yield said("explain", "explain", first, card / "photo1.jpg")
    assert lookalike("reject", first, second, "--store", store).code == 0
    yield said("decisions", "decisions")
    yield said("apply", "apply", plan)
    yield said("apply", "apply", plan, "--yes")
    yield said("status", "status")
    yield said("missing", "missing", "--moved")
    yield said("journals", "undo", "--list")
    yield said("apply", "prune", "--older-than", "0d")
    yield said("apply", "undo", "--yes")
    yield said("export", "export")
    yield said("errors", "errors")
    yield said("models", "models")
    yield said("doctor", "doctor")
    yield said("config", "config")
    yield "version", lookalike("version", "--json").json
    taught = photos / "2022"
    assert lookalike("teach", "own", "--yes", taught, "--no", photos / "2021", "--store", store).code == 0
    yield said("taught", "teach", "--list")
    yield said("forget", "forget", photos / "2023")
    away.unlink(missing_ok=True)
    lookalike("index", photos, "--store", store)
    yield said("missing", "missing")
    yield said("purge", "purge", "--missing-for", "0d")


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Any]]:
    return list(outputs(tmp_path_factory.mktemp("schemas")))


def closed(schema: Any) -> Any:
    """Return a schema that takes nothing that it does not describe."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    return made | {"additionalProperties": False} if "properties" in made and "type" in made else made


def test_what_is_printed_is_as_the_schemas_say_and_nothing_else(printed: list[tuple[str, Any]]) -> None:
    for name, document in printed:
        found = list(jsonschema.Draft202012Validator(closed(SCHEMAS[name])).iter_errors(document))
        assert not found, f"{name}: {[(each.json_path, each.message) for each in found][:5]}"


def test_a_schema_sees_what_is_wrong(printed: list[tuple[str, Any]]) -> None:
    name, document = next(each for each in printed if each[0] == "search")
    document["queries"][0]["results"][0]["score"] = "high"
    assert list(jsonschema.Draft202012Validator(SCHEMAS[name]).iter_errors(document))


def test_every_schema_is_valid_is_tried_and_is_listed(printed: list[tuple[str, Any]]) -> None:
    assert set(SCHEMAS) == {name for name, _ in printed}
    text = (FOLDER / "README.md").read_text()
    for name, schema in SCHEMAS.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert f"({name}.json)" in text


def test_every_command_that_prints_json_has_a_schema() -> None:
    for name, command in COMMANDS.items():
        if any(each.name == "form" for each in as_command(name, command).params):
            assert OTHERS.get(name, name) in SCHEMAS or name in NOT_DESCRIBED, name
