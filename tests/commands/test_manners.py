"""Options around the command, quiet runs, log files, and words that are no command."""

import shutil
from pathlib import Path

import pytest

from lookalike import __version__
from lookalike.tests.library import lookalike
from lookalike.tests.pictures import draw_photo, save


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos").resolve()
    for seed in range(3):
        save(folder / f"{seed}.jpg", draw_photo(seed, 96, 72))
    shutil.copy(folder / "0.jpg", folder / "again.jpg")
    return folder


@pytest.fixture(scope="module")
def store(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store") / "store"
    assert lookalike("index", photos, "--store", store).code == 0
    return store


def test_options_may_stand_before_the_command_and_those_after_it_win(store: Path, tmp_path: Path) -> None:
    assert lookalike("--store", store, "status", "--json").json["store"] == str(store)
    run = lookalike("--store", tmp_path / "none", "status", "--store", store, "--json")
    assert run.json["store"] == str(store)
    assert lookalike("--store", store, "status", LOOKALIKE_STORE=str(tmp_path / "none")).code == 0


def test_json_is_short_for_the_format(store: Path) -> None:
    at = ("--store", store)
    assert lookalike("dupes", *at, "--json").out == lookalike("dupes", *at, "--format", "json").out
    assert lookalike("export", *at, "--json").json["files"]


def test_index_without_a_path_brings_the_folders_of_the_library_up_to_date(tmp_path: Path) -> None:
    at = ("--store", tmp_path / "store")
    for name in ("a", "b"):
        save(tmp_path / name / "0.jpg", draw_photo(ord(name), 96, 72))
    lookalike("index", tmp_path / "a", tmp_path / "b", *at)
    save(tmp_path / "a" / "1.jpg", draw_photo(3, 96, 72))
    (tmp_path / "b" / "0.jpg").unlink()

    run = lookalike("index", *at)

    assert run.out.startswith(b"1 new, 1 unchanged, 1 gone; 2 photos in the library")
    assert run.err == f"lookalike: bringing up to date: {tmp_path / 'a'}, {tmp_path / 'b'}\n"
    assert lookalike("index", "--store", tmp_path / "none").code == 1
    assert not (tmp_path / "none").exists()


def test_a_quiet_run_says_nothing_but_to_the_log_file(store: Path, photos: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for arguments in (("-q", "index"), ("index", photos, "--quiet")):
        run = lookalike(*arguments, "--store", store, "--log-file", log)
        assert (run.code, run.out, run.err) == (0, b"", "")
    assert log.read_text().count("INFO 4 unchanged; 3 photos in the library") == 2
    assert lookalike("index", "-q", "--json", "--store", store).json["unchanged"] == 4


@pytest.mark.parametrize("wrong", [["fotos"], ["Fotos", "--model", "nope"]])
def test_a_first_index_that_fails_leaves_no_store(
    wrong: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Fotos").mkdir()
    monkeypatch.chdir(tmp_path)

    run = lookalike("index", *wrong, "--store", "s")

    assert run.code in (1, 2)
    assert ("did you mean " in run.err and f"{tmp_path.resolve() / 'Fotos'}?" in run.err) == (
        len(wrong) == 1
    )
    assert not (tmp_path / "s").exists()


def test_an_empty_library_says_so(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    lookalike("index", tmp_path / "photos", "--store", tmp_path / "s")

    for command in ("dupes", "status"):
        told = lookalike(command, "--store", tmp_path / "s").out.decode()
        call = f"lookalike index YOUR_PHOTOS --store {tmp_path / 's'}"
        assert told.splitlines()[-1] == f"the library is empty; `{call}` fills it"


def test_what_goes_wrong_is_told_and_logged(tmp_path: Path) -> None:
    run = lookalike("status", "-q", "--store", tmp_path / "none", "--log-file", tmp_path / "log")
    assert run.code == 1
    assert run.err.startswith("lookalike: there is no store in")
    assert f"make one with `lookalike index YOUR_PHOTOS --store {tmp_path / 'none'}`" in run.err
    usual = lookalike("status", LOOKALIKE_STORE=str(tmp_path / "usual"))
    assert usual.err.endswith("make one with `lookalike index YOUR_PHOTOS`\n")
    assert "ERROR there is no store in" in (tmp_path / "log").read_text()
    run = lookalike("status", "--log-file", tmp_path)
    assert (run.code, "cannot write the log" in run.err) == (2, True)


def test_more_is_told_on_request(store: Path) -> None:
    run = lookalike("-v", "status", "--store", store)
    assert "lookalike: INFO lookalike: " in run.err
    assert lookalike("status", "--store", store).err == ""


def test_help_and_version_are_words_too() -> None:
    assert lookalike("help", "search").out == lookalike("search", "--help").out
    assert lookalike("help").out == lookalike("--help").out
    assert lookalike("version").out.decode().strip() == f"lookalike {__version__}"


@pytest.mark.parametrize(
    ("word", "call"),
    [
        ("find", "search"),
        ("scan", "index"),
        ("add", "index"),
        ("delete", "apply"),
        ("list", "export"),
        ("serach", "search"),
    ],
)
def test_words_that_are_no_command_name_what_to_type(word: str, call: str) -> None:
    run = lookalike(word, "x")
    assert run.code == 2
    assert call in run.err


def test_a_folder_or_a_file_in_the_place_of_a_command_says_what_to_do_with_it(photos: Path) -> None:
    assert f"lookalike index {photos}" in lookalike(photos).err
    assert f"lookalike search {photos / '0.jpg'}" in lookalike(photos / "0.jpg").err


def test_words_and_folders_as_examples_say_what_finds_them(photos: Path, store: Path) -> None:
    run = lookalike("search", "red car", "--store", store)
    assert run.code == 3
    assert "lookalike search --label car" in run.err
    assert f"--in {photos}" in lookalike("search", photos, "--store", store).err
    assert "there is no such file" in lookalike("search", "nofile.jpg", "--store", store).err
