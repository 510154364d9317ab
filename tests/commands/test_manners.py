"""Options around the command, quiet runs, log files, and words that are no command."""

import re
import shutil
import socket
from pathlib import Path

import pytest

from lookalike import __version__
from lookalike.cli import app
from lookalike.library import Library
from lookalike.output import progress
from lookalike.tests.library import lookalike
from lookalike.tests.pictures import draw_photo, encode, save


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


def test_json_may_stand_before_the_command_too(store: Path) -> None:
    at = ("--store", store)
    assert lookalike("--json", "errors", *at).json["errors"] == []
    assert lookalike("--json", "-q", "dupes", *at).out == lookalike("dupes", *at, "--json").out
    for call in (("version", "--json"), ("--json", "version"), ("--version", "--json")):
        assert lookalike(*call).json["version"] == __version__
    refused = lookalike("--json", "compact", *at)
    assert (refused.code, "No such option: --json" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("shell", "sign"),
    [
        ("bash", b"complete -o default"),
        ("zsh", b"#compdef"),
        ("fish", b"complete --command"),
        ("powershell", b"Register-ArgumentCompleter"),
    ],
)
def test_the_completion_is_that_of_the_shell_that_is_named(shell: str, sign: bytes) -> None:
    shown = lookalike("--show-completion", shell)
    assert shown.code == 0
    assert sign in shown.out


@pytest.mark.parametrize(("typed", "rest"), [("st", "status"), ("--show-completion z", "zsh")])
def test_a_shell_is_told_what_could_be_typed(
    typed: str, rest: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_LOOKALIKE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", f"lookalike {typed}")
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split())))
    with pytest.raises(SystemExit):
        app(prog_name="lookalike")
    assert capfd.readouterr().out.strip() == rest


def test_a_shell_that_is_not_known_is_an_error(tmp_path: Path) -> None:
    for option in ("--show-completion", "--install-completion"):
        refused = lookalike(option, "nosuch", HOME=str(tmp_path))
        assert (refused.code, refused.out) == (2, b"")
        assert "'nosuch' is not bash, zsh, fish, powershell" in refused.err
    assert list(tmp_path.iterdir()) == []


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


def test_index_without_a_path_passes_over_what_lies_in_an_object_store(tmp_path: Path) -> None:
    at = ("--store", tmp_path / "store")
    with Library.open(tmp_path / "store", create=True) as library:
        library.store.add_root(b"s3://museum/photos")
    assert "lookalike bulk plan s3://museum/photos" in lookalike("index", *at).err
    save(tmp_path / "a" / "0.jpg", draw_photo(3, 96, 72))
    lookalike("index", tmp_path / "a", *at)
    run = lookalike("index", *at)
    assert (run.code, run.err) == (0, f"lookalike: bringing up to date: {tmp_path / 'a'}\n")


def test_a_quiet_run_says_nothing_but_to_the_log_file(store: Path, photos: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    for arguments in (("-q", "index"), ("index", photos, "--quiet")):
        run = lookalike(*arguments, "--store", store, "--log-file", log)
        assert (run.code, run.out, run.err) == (0, b"", "")
    assert log.read_text().count("INFO 4 unchanged; 3 photos in the library") == 2
    assert lookalike("index", "-q", "--json", "--store", store).json["unchanged"] == 4


def test_a_quiet_run_names_what_it_cannot_read_once(tmp_path: Path) -> None:
    photos, log = tmp_path / "photos", tmp_path / "log"
    save(photos / "good.jpg", draw_photo(1, 96, 72))
    for number in range(5):
        (photos / f"bad{number}.jpg").write_bytes(b"no picture")

    first = lookalike("-q", "index", photos, "--store", tmp_path / "store", "--log-file", log)
    assert (first.code, first.out, first.err.count("\n")) == (3, b"", 1)
    assert f"cannot read {photos / 'bad0.jpg'}, {photos / 'bad1.jpg'}, " in first.err
    assert "bad2.jpg and 2 more (`lookalike errors" in first.err
    assert first.err.removeprefix("lookalike: ") in log.read_text()

    again = lookalike("-q", "index", photos, "--store", tmp_path / "store")
    assert (again.code, again.out, again.err) == (3, b"", "")
    (photos / "new.jpg").write_bytes(b"no picture either")
    more = lookalike("index", "--json", "--store", tmp_path / "store")
    assert (more.json["newly_failed"], more.json["failed"]) == ([str(photos / "new.jpg")], 6)


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


@pytest.mark.parametrize(
    "held", [encode(draw_photo(1, 32, 24)), b"", b"begin\n2026-12-01 03:00:00,123 INFO a\n"]
)
def test_only_a_log_is_appended_to(held: bytes, store: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(held)
    run = lookalike("-v", "status", "--store", store, "--log-file", file)
    if b"\xff" in held:
        assert (run.code, file.read_bytes()) == (2, held)
        assert f"{file} is not a log of lookalike and is left unchanged" in run.err
    else:
        assert (run.code, file.read_bytes().startswith(held), b"s of CPU" in file.read_bytes()) == (
            0,
            True,
            True,
        )
    assert lookalike("status", "--store", store, "--log-file", "/dev/null").code == 0


def test_more_is_told_on_request(store: Path) -> None:
    run = lookalike("-v", "status", "--store", store)
    assert re.search(r"^lookalike: [\d.]+ s, [\d.]+ s of CPU$", run.err, re.MULTILINE)
    assert lookalike("status", "--store", store).err == ""


def test_help_and_version_are_words_too() -> None:
    assert lookalike("help", "search").out == lookalike("search", "--help").out
    assert lookalike("help").out == lookalike("--help").out
    promise = "Photos are only read; only `apply` moves files, and `undo` puts them back."
    assert promise in " ".join(lookalike("help").out.decode().split())
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
        ("free", "prune"),
        ("empty", "prune"),
        ("page", "serve"),
        ("start", "serve"),
        ("trash", "apply"),
        ("cleanup", "apply"),
        ("report", "dupes --html"),
        ("html", "dupes --html"),
        ("sync", "index"),
        ("hilfe", "--help"),
        ("uninstall", "uv tool uninstall"),
        ("leaks", "lookalike check TEST --copies"),
    ],
)
def test_words_that_are_no_command_name_what_to_type(word: str, call: str) -> None:
    run = lookalike(word, "x")
    assert run.code == 2
    assert call in run.err


@pytest.mark.parametrize("word", ["purg", "purges", "forgt", "forge", "rejec", "reset"])
def test_no_word_leads_to_what_forgets(word: str) -> None:
    run = lookalike(word)
    assert run.code == 2
    assert not any(f"'{name}'" in run.err for name in ("purge", "forget", "reject"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("search", "--kk", "3"), "No such option: --kk (`lookalike search --help` says more)"),
        (("bulk", "plan"), "Missing argument 'SOURCE' (`lookalike bulk plan --help` says more)"),
        (("search", "-k", "x"), "'x' is not a number"),
        (
            ("search", "--store"),
            "Option '--store' requires an argument (`lookalike search --help` says more)",
        ),
        (("nosuch",), "there is no command nosuch. `lookalike --help` lists all"),
    ],
)
def test_a_mistyped_call_is_told_in_a_line_that_names_the_program(
    words: tuple[str, ...], message: str
) -> None:
    run = lookalike(*words)
    assert (run.code, run.out, run.err.count("\n")) == (2, b"", 1)
    assert run.err.startswith("lookalike: ")
    assert message in run.err


def test_no_words_bring_the_help() -> None:
    run = lookalike()
    assert (run.code, run.err.startswith("Usage: lookalike [OPTIONS] COMMAND")) == (2, True)


def test_what_is_named_after_a_word_that_is_no_command_is_named_in_the_hint(photos: Path) -> None:
    assert f"`lookalike index {photos}`" in lookalike("scan", photos).err
    assert f"`lookalike search {photos / '0.jpg'}`" in lookalike("find", photos / "0.jpg").err


def test_a_file_that_begins_like_an_option_is_shown_how_to_be_written(
    photos: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(photos / "0.jpg", tmp_path / "-rf.jpg")
    monkeypatch.chdir(tmp_path)
    run = lookalike("search", "-rf.jpg", "--store", store)
    assert (run.code, "No such option: -r (the file is written ./-rf.jpg)" in run.err) == (2, True)
    assert lookalike("search", "./-rf.jpg", "--store", store).code == 0
    assert "written" not in lookalike("search", "-rg.jpg", "--store", store).err


@pytest.mark.parametrize(
    "call", [["index"], ["check"], ["status"], ["export", "--in"], ["dupes", "--exact"]]
)
def test_a_name_with_blanks_is_to_stand_in_quotes(call: list[str], store: Path, tmp_path: Path) -> None:
    (tmp_path / "My Pictures").mkdir()
    run = lookalike(*call, *f"{tmp_path}/My Pictures".split(" "), "--store", store)
    assert run.code == 2
    assert f"put a name with blanks in quotes: '{tmp_path}/My Pictures'" in run.err


def test_no_name_is_taken_as_torn_where_all_that_is_named_is_there(
    photos: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("dog.jpg", "beagle dog.jpg"):
        shutil.copy(photos / "0.jpg", tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert "quotes" not in lookalike("search", "--label", "beagle", "dog.jpg", "--store", store).err
    assert "quotes: 'beagle dog.jpg'" in lookalike("search", "beagle", "dog.jpg", "--store", store).err
    told = lookalike("search", "--label", "beagle", "dog.jpg", "cat.jpg", "--store", store).err
    assert ("cat.jpg" in told, "quotes" in told) == (True, False)


def test_the_first_look_fits_a_terminal_and_names_the_rest() -> None:
    run = lookalike()
    shown = (run.out.decode() + run.err).splitlines()
    assert (run.code, len(shown) < 24) == (2, True)
    assert "  --help     List all commands and options." in shown
    assert "  dupes      List copies in groups, each with the file to keep." in shown
    assert "  export     List all files with everything that is known of them." not in shown


def test_what_a_command_has_no_use_for_says_where_it_belongs(photos: Path) -> None:
    assert f"`lookalike index {photos}` adds a folder" in lookalike("serve", photos).err
    assert f"`lookalike export --in {photos}`" in lookalike("export", photos).err
    run = lookalike("status", photos, "x y")
    assert (run.code, f"there is also: {photos} 'x y'" in run.err) == (2, True)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (["export", "--in", "Photo"], "there is no folder Photo; did you mean Photos?"),
        (["dupes", "Photo"], "there is no folder Photo; did you mean Photos?"),
        (["forget", "Photo"], "there is no folder"),
    ],
)
def test_what_cannot_be_meant_is_told(
    call: list[str], told: str, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Photos").mkdir()
    monkeypatch.chdir(tmp_path)
    run = lookalike(*call, "--store", store)
    assert (run.code, run.out, told in run.err) == (2, b"", True)


def test_an_option_with_one_dash_is_guessed() -> None:
    for call in (("serve", "-write"), ("search", "-quiet"), ("index", "-json", "x")):
        assert f"(did you mean -{call[1]}?)" in lookalike(*call).err


def test_an_address_that_is_every_address_says_which_are_answered(store: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as busy:
        port = str(busy.getsockname()[1])
        address = ("--host", "0.0.0.0", "--port", port, "--allow-remote")
        run = lookalike("serve", *address, "--no-browser", "--store", store)
    assert (run.code, "cannot listen" in run.err) == (2, True)
    assert "only requests for 127.0.0.1, localhost" in run.err


def test_a_folder_or_a_file_in_the_place_of_a_command_says_what_to_do_with_it(photos: Path) -> None:
    assert f"lookalike index {photos}" in lookalike(photos).err
    assert f"lookalike search {photos / '0.jpg'}" in lookalike(photos / "0.jpg").err


def test_words_and_folders_as_examples_say_what_finds_them(photos: Path, store: Path) -> None:
    run = lookalike("search", "red car", "--store", store)
    assert run.code == 3
    assert "lookalike search --label car" in run.err
    assert f"--in {photos}" in lookalike("search", photos, "--store", store).err
    assert "there is no such file" in lookalike("search", "nofile.jpg", "--store", store).err


def test_quiet_runs_that_move_files_list_these_and_nothing_else(photos: Path, tmp_path: Path) -> None:
    mine, plan, at = tmp_path / "photos", tmp_path / "plan.json", ("-q", "--store", tmp_path / "store")
    shutil.copytree(photos, mine)
    lookalike("index", mine, *at)
    lookalike("dupes", "--exact", "--plan", plan, *at)
    moving = ("apply", plan, "--method", "quarantine", *at)

    for call in (moving, (*moving, "--yes"), ("prune", *at), ("undo", *at), ("undo", "--yes", *at)):
        run = lookalike(*call)
        lines = [line for line in run.out.decode().splitlines() if line]
        assert (run.code, run.err) == (0, "")
        if call[0] == "prune":
            assert lines == []
        else:
            assert lines[0].startswith("in ")
            assert [line[:5] for line in lines[1:]] == ["  [x]"]


def test_long_proofs_are_announced_with_what_is_certain_already(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_PACE_S", 0.0)
    monkeypatch.setattr(progress, "_LONG_S", 0.0)
    mine, at = tmp_path / "photos", ("--store", tmp_path / "store")
    shutil.copytree(photos, mine)
    save(mine / "smaller.jpg", draw_photo(1, 96, 72).resize((80, 60)))
    lookalike("index", mine, *at)

    told = lookalike("dupes", *at).err.splitlines()

    assert told[0].startswith("lookalike: proving pairs: ")
    assert told[0].endswith("and then a comparison at full size; Ctrl-C keeps what is done")
    assert told[1].startswith("lookalike: known already: 1 exact copy (")
    assert told[1].endswith(f"); at once: `lookalike dupes --exact --store {at[1]}`")
    assert told[2].startswith("lookalike: comparing at full size: ")
    (mine / "1.jpg").unlink()
    save(mine / "other.jpg", draw_photo(1, 96, 72), quality=60)
    lookalike("index", mine, *at)
    assert lookalike("dupes", "-q", *at).err == ""
