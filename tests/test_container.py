"""The container's files name what is there: no engine is at hand to build the image."""

import fnmatch
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from lookalike.tests.library import lookalike

ROOT = Path(__file__).resolve().parent.parent


def steps() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile, each with what follows it."""
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    return [
        (name, rest) for name, _, rest in (line.partition(" ") for line in lines) if name and name != "#"
    ]


def of(name: str) -> list[str]:
    return [rest for step, rest in steps() if step == name]


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    return made


def test_the_image_runs_the_program_of_the_package_and_not_as_root() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (entry,) = of("ENTRYPOINT")
    assert entry == f'["{next(iter(project["scripts"]))}"]'
    (user,) = of("USER")
    assert any(re.search(rf"useradd .*\b{user}\b", run) for run in of("RUN"))
    last = [name for name, _ in steps()]
    assert last.index("USER") > max(n for n, name in enumerate(last) if name == "RUN")  # none later as root
    python = re.findall(r"python:(\d+\.\d+)-slim", " ".join(of("FROM")))
    assert set(python) == {project["requires-python"].removeprefix(">=")}


def test_the_image_is_built_from_all_that_the_wheel_is_made_of() -> None:
    ignored = [
        line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"
    ]
    left = {
        path.name
        for path in ROOT.iterdir()
        if not any(fnmatch.fnmatch(path.name, each) for each in ignored)
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "tools", "benchmarks"}
    wanted = {"pyproject.toml", "setup.py", "constraints.txt", "README.md", "LICENSE", "docs", *packages}
    assert wanted <= left
    assert project["tool"]["setuptools"]["data-files"] == {"share/man/man1": ["docs/lookalike.1"]}
    assert ".git" not in left
    assert {"tests", "benchmarks"}.isdisjoint(left)


def test_the_store_and_the_photos_are_where_the_services_mount_them(services: dict[str, Any]) -> None:
    environment = dict(each.split("=") for each in shlex.split(" ".join(of("ENV"))))
    (volume,) = of("VOLUME")
    assert all(
        environment[f"LOOKALIKE_{name}"].startswith(f"{volume}/") for name in ("STORE", "STATE", "CACHE")
    )
    for service in services.values():
        photos, store = service["volumes"]
        assert photos.endswith(":/photos:ro")
        assert store == f"store:{volume}"


def test_the_page_is_published_on_this_computer_at_its_own_port(services: dict[str, Any]) -> None:
    page = services["page"]
    (published,) = page["ports"]
    address, outside, inside = published.split(":")
    assert address == "127.0.0.1"
    assert outside == inside == page["command"][page["command"].index("--port") + 1]
    text = lookalike("serve", "--help").out.decode()
    assert all(word in text for word in page["command"] if word.startswith("--"))
    assert {"--allow-remote", "--no-browser"} <= set(page["command"])


def test_the_nightly_service_indexes_and_then_sleeps_until_three(
    services: dict[str, Any], tmp_path: Path
) -> None:
    """Run as compose does, with `$$` as `$`, and programs of ours in the places of two."""
    log = tmp_path / "log"
    for name, code in (("lookalike", 4), ("sleep", 0)):
        program = tmp_path / name
        end = f"kill $PPID\nexit {code}" if name == "sleep" else f"exit {code}"
        program.write_text(f'#!/bin/sh\necho {name} "$@" >> {log}\n{end}\n')
        program.chmod(0o755)
    (script,) = services["nightly"]["command"]
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["sh", "-c", script.replace("$$", "$")],
        env={"PATH": path, "TZ": "UTC"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    first, second = log.read_text().splitlines()[:2]
    assert first == "lookalike index /photos"
    assert 3 * 3600 <= int(second.removeprefix("sleep ")) <= 27 * 3600


def test_a_stop_of_the_nightly_service_reaches_the_run_and_waits_for_it(
    services: dict[str, Any], tmp_path: Path
) -> None:
    program, log = tmp_path / "lookalike", tmp_path / "log"
    program.write_text(
        f"#!/bin/sh\ntrap 'kill $!; echo kept > {log}; exit 130' TERM\n"
        "sleep 600 > /dev/null &\necho started\nwait $!\n"
    )
    program.chmod(0o755)
    (script,) = services["nightly"]["command"]
    with subprocess.Popen(
        ["sh", "-c", script.replace("$$", "$")],
        env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
    ) as shell:
        assert shell.stdout is not None
        assert shell.stdout.readline() == b"started\n"
        shell.terminate()
        shell.wait(60)
    assert log.read_text() == "kept\n"
