"""The config file: what it sets, what comes before it, and what is wrong with it."""

import os
from pathlib import Path

import pytest

from lookalike.dedup.groups.keeper import DEFAULT_RULES
from lookalike.tests.library import Run, lookalike
from lookalike.tests.pictures import draw_photo, save


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, their copies, a store, and no config file."""
    home = tmp_path_factory.mktemp("home").resolve()
    for seed in range(3):
        save(home / "photos" / f"{seed}.jpg", draw_photo(seed, 96, 72))
        save(home / "backup" / f"{seed}.jpg", draw_photo(seed, 96, 72))
    save(home / "photos" / "thumbs" / "t.jpg", draw_photo(9, 96, 72))
    lookalike("index", home / "photos" / "0.jpg", "--store", home / "store")
    return home


def run(config: Path, text: str, *arguments: str | Path, **environment: str) -> Run:
    config.write_text(text)
    return lookalike(*arguments, stdin=b"", LOOKALIKE_CONFIG=str(config), **environment)


BASE = 'store = "store"\nfolders = ["photos", "backup"]\nexclude = ["thumbs/"]\n'


def test_index_goes_by_the_file(home: Path) -> None:
    first = run(home / "c.toml", BASE, "index", "--json").json
    assert (first["listed"], first["photos"]) == (6, 3)
    more = run(home / "c.toml", BASE, "index", "--exclude", "2.jpg", "--json").json
    assert (more["listed"], more["excluded"]) == (4, 2)  # thumbs/ is left out, too
    assert run(home / "c.toml", BASE, "index", "--json").json["listed"] == 6


def test_an_option_comes_before_the_environment_and_that_before_the_file(home: Path) -> None:
    def origin(*arguments: str, **environment: str) -> tuple[str, str]:
        found = run(home / "c.toml", BASE, *arguments, "config", "--json", **environment).json["settings"]
        return os.path.basename(found["store"]["value"]), found["store"]["origin"]

    assert origin() == ("store", "line 1")
    assert origin(LOOKALIKE_STORE="elsewhere") == ("elsewhere", "$LOOKALIKE_STORE")
    assert origin("--store", "given", LOOKALIKE_STORE="elsewhere") == ("given", "--store")


def test_config_shows_where_each_setting_comes_from(home: Path) -> None:
    text = run(home / "c.toml", BASE + 'keep = "oldest, path"\n', "config").out.decode()
    assert [line.split() for line in text.splitlines()][1:] == [
        ["store", "line", "1", str(home / "store")],
        ["folders", "line", "2", str(home / "photos")],
        [str(home / "backup")],
        ["exclude", "line", "3", "thumbs/"],
        ["keep", "line", "4", "oldest,path"],
        ["then", ",".join(rule for rule in DEFAULT_RULES.order if rule not in ("oldest", "path"))],
        ["prefer", "default", "nothing"],
        ["protect", "default", "nothing"],
    ]


def test_what_the_file_protects_stays_protected(home: Path) -> None:
    lookalike("index", home / "photos", home / "backup", "--store", home / "store", "--exclude", "thumbs/")
    protected = BASE + 'protect = "backup"\n'

    def leaving(*arguments: str | Path) -> set[str]:
        found = run(home / "c.toml", protected, "dupes", "--across-drives", "--json", *arguments).json
        members = [member for group in found["groups"] for member in group["members"] if member["selected"]]
        return {os.path.basename(os.path.dirname(member["path"])) for member in members}

    assert leaving() == {"photos"}
    assert leaving("--protect", home / "photos") == set()
    plan = home / "plan.json"
    run(home / "c.toml", BASE, "dupes", "--across-drives", "--prefer", home / "photos", "--plan", plan)
    applied = run(home / "c.toml", protected, "apply", plan, "--json").json["files"]
    assert {each["code"] for each in applied} == {"protected"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('\n\nprotct = ["a"]\n', "line 3: there is no setting protct; did you mean protect?"),
        ("colour = true\n", "line 1: there is no setting colour; it may have store,"),
        ("[store]\na = 1\n", "line 1: store is a folder in quotes, not {'a': 1}"),
        ("#\nexclude = 3\n", "line 2: exclude is a list of patterns, not 3"),
        ('store = ["a"]\n', "line 1: store is a folder in quotes, not ['a']"),
        ('store = "a\n', "at line 1"),
        ('store = "a"\nexclude = [\n  "b"\n', "line 2: Unclosed array"),
        ('\nkeep = "newest"\n', "wrong.toml, line 2: keep: no keep rule named 'newest'"),
    ],
)
def test_what_the_file_gets_wrong_is_told_with_its_line(home: Path, text: str, message: str) -> None:
    found = run(home / "wrong.toml", text, "config")
    assert (found.code, found.out) == (2, b"")
    assert message in found.err
    assert run(home / "wrong.toml", text, "status", "--help").code == 0


def test_a_folder_that_is_not_there_stops_no_other(home: Path, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    text = f'store = "s"\nfolders = ["{home}/photos", "Fotos"]\n'
    for _ in range(2):  # the first run, and any other
        found = run(config, text, "index", "--json")
        assert (found.code, found.json["photos"]) == (4, 4)
        assert f"{config}, line 2: folders: there is no folder {tmp_path / 'Fotos'}; the other" in found.err

    none = run(tmp_path / "d.toml", 'store = "none"\nfolders = ["fotos"]\n', "index")
    assert (none.code, "d.toml, line 2: folders: there is no folder" in none.err) == (2, True)
    assert not (tmp_path / "none").exists()


def test_what_is_protected_may_be_on_a_drive_that_is_away_but_not_mistyped(tmp_path: Path) -> None:
    for folder in ("here", "drive/Portfolio"):
        save(tmp_path / folder / "a.jpg", draw_photo(1, 96, 72))
    config, at = tmp_path / "c.toml", 'store = "s"\n'
    run(config, at, "index", tmp_path / "here", tmp_path / "drive")

    def dupes(key: str, name: str) -> Run:
        return run(config, f'{at}{key} = ["{name}"]\n', "dupes")

    mistyped = dupes("protect", "drive/Portfolo")
    assert mistyped.code == 2
    assert f"{config}, line 2: protect: there is no folder {tmp_path}/drive/Portfolo" in mistyped.err
    assert f"did you mean {tmp_path}/drive/Portfolio?" in mistyped.err
    (tmp_path / "drive").rename(tmp_path / "unplugged")
    for key in ("protect", "prefer"):
        assert dupes(key, "drive/Portfolio").code == 0
        assert dupes(key, "drive/Portfolo").code == 2
    # It is not the drive that is away.
    (tmp_path / "drive").mkdir()
    save(tmp_path / "drive" / "Portfolio best" / "a.jpg", draw_photo(1, 96, 72))
    run(config, at, "index", "--accept-drive", "--accept-missing", "1")
    assert dupes("protect", "drive/Portfolio").code == 2


def test_a_file_that_is_named_must_be_there(home: Path) -> None:
    found = lookalike("config", LOOKALIKE_CONFIG=str(home / "none.toml"))
    assert (found.code, "which is not there" in found.err) == (2, True)
