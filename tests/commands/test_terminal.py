"""What people see on a terminal of 80 columns, and that scripts see none of it."""

import re
import shutil
from pathlib import Path

import pytest

from lookalike.commands.status import models_listing
from lookalike.output.screen import Screen, cells
from lookalike.output.text import columns, cut_path, fitting, rough_time, wrapped
from lookalike.tests.library import lookalike, on_terminal
from lookalike.tests.pictures import draw_photo, save

LONG = "a folder with quite a long name as one finds them in the wild"
COLORS = re.compile(r"\033\[[0-9;]*m")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 photos with an exact copy each, one of them below long names, and an icon that is there twice."""
    folder = tmp_path_factory.mktemp("photos").resolve()
    for seed in range(24):
        save(folder / f"{seed}.jpg", draw_photo(seed, 96, 72))
        shutil.copy(folder / f"{seed}.jpg", folder / f"{seed} (1).jpg")
    save(folder / LONG / LONG / "écran 日本語.jpg", draw_photo(0, 96, 72).rotate(180), quality=60)
    save(folder / "icon.png", draw_photo(50, 48, 48))
    shutil.copy(folder / "icon.png", folder / "icon (1).png")
    return folder


@pytest.fixture(scope="module")
def store(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("store") / "store"
    assert lookalike("index", photos, "--prove", "--store", store).code == 0
    long = photos / LONG / LONG / "écran 日本語.jpg"
    assert lookalike("reject", photos / "1.jpg", long, photos / "2.jpg", "--store", store).code == 0
    return store


def test_no_row_is_wider_than_the_terminal_but_for_a_path(store: Path, photos: Path) -> None:
    called = [
        ["search", str(photos / "0.jpg")],
        ["dupes", "--all", "--similar", "--min-score", "0.1"],
        ["check", str(photos)],
        ["status"],
        ["doctor", "-v"],
        ["decisions"],
        ["models"],
        ["export", "--format", "table"],
        ["explain", str(photos / "0.jpg"), str(photos / LONG / LONG / "écran 日本語.jpg")],
    ]
    for call in called:
        shown = COLORS.sub("", on_terminal(*call, "--store", store))
        rows = [line.rpartition("\r")[2] for line in shown.splitlines()]
        assert len(rows) > 3, call
        # A path goes on as the terminal has it, so that it is copied whole.
        wide = [row for row in rows if cells(row) > 80 and "/" not in row[40:].split()[-1]]
        assert not wide, (call, wide)


def test_no_name_and_no_call_is_broken_in_a_table(
    store: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos)
    shown = on_terminal("decisions", "--store", store).splitlines()
    assert len(shown) == 2 * 3
    assert all(line.endswith(".jpg") for line in shown)
    assert re.fullmatch(r"rejected  20\d\d-\d\d-\d\d \d\d:\d\d  \S.*\.jpg", shown[0])
    assert any("…" in line for line in shown)
    assert "`lookalike models --fetch NAME`" in on_terminal("models", "--store", store)
    told = on_terminal("undecide", "1.jpg", "2.jpg", "--store", store)
    assert "undecided again: 1.jpg and 2.jpg" in told
    assert "rejected: 1.jpg and 2.jpg;" in on_terminal("reject", "1.jpg", "2.jpg", "--store", store)


def test_the_table_of_speeds_fits_too() -> None:
    from lookalike.indexer.embed.models import ModelBench, list_models

    bench = ModelBench(1234.5, 123.45, "onnx")
    listing = models_listing([(model, bench) for model in list_models()], "mobilenet_v3_small")
    rows = list(listing.lines(listing.rows))
    assert max(map(cells, rows)) <= 80, max(rows, key=cells)


def test_a_terminal_shows_the_first_groups_and_says_how_to_see_the_others(store: Path) -> None:
    shown = on_terminal("dupes", "--store", store)
    assert len(re.findall(r"\033\[1mgroup \d+", shown)) == 20
    assert "5 more groups: --all lists them" in shown
    assert "25 groups of copies" in shown
    assert on_terminal("dupes", "--all", "--store", store).count("group") == 25 + 1
    assert lookalike("dupes", "--store", store).out.decode().count("\ngroup") == 24


def test_icons_come_last_and_groups_that_free_little_can_be_left_out(store: Path) -> None:
    groups = lookalike("dupes", "--json", "--store", store).json["groups"]
    assert groups[-1]["keeper"]["path"].endswith(("icon.png", "icon (1).png"))
    freed = sorted(group["wasted_bytes"] for group in groups)[-3]
    some = lookalike("dupes", "--json", "--min-size-freed", f"{freed}B", "--store", store).json["groups"]
    assert len(some) == 3
    wrong = lookalike("dupes", "--min-size-freed", "big", "--store", store)
    assert (wrong.code, "500kB" in wrong.err) == (2, True)


def test_colors_are_for_terminals_that_want_them(store: Path) -> None:
    assert "\033[32m  keep\033[0m" in on_terminal("dupes", "--store", store)
    assert "\033[1;31m  [x]" in on_terminal("dupes", "--store", store)
    assert "\033[32m" not in on_terminal("dupes", "--store", store, NO_COLOR="1")
    assert b"\033" not in lookalike("dupes", "--store", store).out


def test_names_are_short_below_the_working_folder(
    store: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos.parent)
    found = on_terminal("search", photos / "0.jpg", "-k", "2", "--store", store)
    assert str(photos) not in found.partition("\n")[2]
    assert f"in {photos.name}:\nfound         0 (1).jpg\n" in on_terminal("check", photos, "--store", store)
    assert f"found         {photos}/0.jpg" in lookalike("check", photos, "--store", store).out.decode()


def test_bars_are_gone_at_the_end_and_count_what_they_say(tmp_path: Path, photos: Path) -> None:
    at = ("--store", tmp_path / "s")
    shown = on_terminal("index", photos, *at)
    assert "photos/s" in shown
    assert re.search(r"\033\[2K26 new", shown)
    shown = on_terminal("dupes", *at)
    assert "pairs/s" in shown or "proving pairs" in shown
    assert not re.search("proving pairs.*photos/s", shown)


def test_proofs_at_the_end_of_indexing_leave_none_for_later(store: Path, tmp_path: Path) -> None:
    assert "proving" not in on_terminal("dupes", "--store", store)


def test_what_is_too_wide_goes_on_below_its_column() -> None:
    assert fitting("ok      versions    one, two, three, four, five", 44).splitlines() == [
        "ok      versions    one, two, three, four,",
        "                    five",
    ]
    call = "put back: lookalike undo --yes --store /somewhere"
    assert fitting(call, 20) == call
    assert list(columns([("a", "日本"), ("b", "é")])) == ["a  日本", "b  é"]
    assert [rough_time(each) for each in (4, 44, 780, 9000)] == ["1 s", "40 s", "13 min", "2.5 h"]


def test_doctor_is_a_line_when_all_is_well_and_lists_its_checks_on_request(store: Path) -> None:
    (line,) = lookalike("doctor", "--store", store).out.decode().splitlines()
    count = re.fullmatch(r"all is well \((\d+) checks; -v lists them\)", line)
    assert count is not None
    listed = lookalike("doctor", "-v", "--store", store).out.decode().splitlines()
    assert len(listed) == int(count[1])


def test_the_csv_of_check_has_what_its_json_has(store: Path, photos: Path) -> None:
    call = ("check", photos / "0.jpg", "--store", store, "--format")
    (file,) = lookalike(*call, "json").json["files"]
    head = lookalike(*call, "csv").out.decode().splitlines()[0].split(",")
    about = {*file, *file["matches"][0]} - {"matches", "files", "evidence", "same_bytes"}
    assert about <= set(head)


def test_lines_break_at_spaces_and_never_within_what_is_copied() -> None:
    path = "/home/anna/.local/share/lookalike/" + "a" * 60
    text = f"there is no store in {path}; make one with `lookalike index YOUR_PHOTOS`, then search"
    for lines in (wrapped(text, 40), fitting(text, 40).splitlines()):
        assert [line.strip() for line in lines] == [
            "there is no store in",
            f"{path};",
            "make one with",
            "`lookalike index YOUR_PHOTOS`, then",
            "search",
        ]
    ((_, first), (_, second)) = (line.split(maxsplit=1) for line in columns([("a", path), ("b", "c d")]))
    assert (first, second) == (path, "c d")


def test_what_is_said_of_a_long_name_stands_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lookalike.output.text.screen", lambda: Screen(40, has_color=False))
    camera = "Camera Roll/2023-03/PXL_20230126.jpg"
    rows = [
        ("keep", camera, "9x9", "most metadata + PXL_20230126.jpg.supplemental.json"),
        ("[x]", "a.jpg", "3x3", "copy"),
    ]
    assert list(columns(rows, right=(2,), name=1)) == [
        "keep  Camera…23-03/PXL_20230126.jpg  9x9",
        "      most metadata +",
        "      PXL_20230126.jpg.supplemental.json",
        "[x]   a.jpg                          3x3",
        "      copy",
    ]
    fitting_rows = [(mark, "a.jpg", *rest) for mark, _, *rest in rows]
    assert next(iter(columns(fitting_rows, name=1))).startswith("keep  a.jpg  9x9  most metadata")


def test_a_path_loses_its_folder_before_its_name() -> None:
    path = "backup/Photos/2023/2023-06 Lyon/DSC_0029.NEF"
    assert cut_path(path, 100) == path
    assert cut_path(path, 30) == "backup/P…-06 Lyon/DSC_0029.NEF"
    assert cut_path(path, 14) == "…/DSC_0029.NEF"
    assert cut_path("DSC_0029.NEF", 7) == "DSC…NEF"


def test_a_search_on_a_narrow_terminal_names_each_file(tmp_path: Path) -> None:
    folder = tmp_path / LONG / LONG
    for name in ("DSC_0029.jpg", "DSC_0029 (1).jpg"):
        save(folder / name, draw_photo(99, 96, 72))
    for seed in (97, 98):
        save(tmp_path / f"DSC_00{seed}.jpg", draw_photo(seed, 96, 72))
    lookalike("index", tmp_path, "--store", tmp_path / "s")
    shown = COLORS.sub("", on_terminal("search", tmp_path / "DSC_0098.jpg", "--store", tmp_path / "s"))
    assert re.search(r"…[^/\n]*/DSC_0029( \(1\))?\.jpg  \(\+1 exact copy\)$", shown, re.MULTILINE), shown


def test_messages_break_at_spaces_and_what_is_to_be_typed_stays_whole(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = on_terminal("dupes", "--plan", "plan-of-today.json", "--store", store)
    told = shown[shown.index("lookalike: plan written to") :].splitlines()[:2]
    assert told == [
        "lookalike: plan written to plan-of-today.json;",
        "  `lookalike apply plan-of-today.json` shows what it would do",
    ]


def test_what_to_do_next_is_said_at_a_terminal_alone(store: Path, photos: Path, tmp_path: Path) -> None:
    at = ("--store", store)
    plan = ("--plan", tmp_path / "plan.json")
    assert re.search(r"lookalike: next:\s+`lookalike dupes --store", on_terminal("index", photos, *at))
    assert "lookalike: next: `dupes --plan plan.json`" in on_terminal("dupes", *at)
    calls: list[tuple[str | Path, ...]] = [("-q", "index", photos), ("-q", "dupes"), ("dupes", *plan)]
    for call in calls:
        assert "next:" not in on_terminal(*call, *at), call
    assert "next:" not in on_terminal("dupes", "--camera", "none", *at)
    for done in (lookalike("index", photos, *at), lookalike("dupes", *at)):
        assert "next:" not in done.err


def test_a_sign_that_takes_two_cells_counts_as_two() -> None:
    assert wrapped("日本語 " * 4, 20, "  ") == ["日本語 日本語 日本語", "  日本語"]
