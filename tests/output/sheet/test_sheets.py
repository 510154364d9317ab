"""Contact sheets and previews of real answers."""

import os
import pty
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from lookalike import Library, SearchRequest
from lookalike.errors import UsageError
from lookalike.output.sheet import cells, write
from lookalike.output.sheet.preview import Screen, previews
from lookalike.output.sheet.signature import is_sheet
from lookalike.output.sheet.terminal import chosen, says_sixel, told_by
from lookalike.output.sheet.write import write_sheet
from lookalike.search.answers import Answer
from lookalike.tests.library import lookalike, make_photos
from lookalike.tests.pictures import draw_photo


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_photos(tmp_path_factory.mktemp("photos").resolve())
    (folder / "2021/photo3.jpg").rename(folder / "2021/odd\udcff\x1b[31m.jpg")
    return folder


@pytest.fixture(scope="module")
def library(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Library:
    library = Library.open(tmp_path_factory.mktemp("store"), create=True)
    library.index([photos])
    return library


@pytest.fixture
def answers(library: Library, photos: Path) -> list[Answer]:
    request = SearchRequest(examples=[photos / "2022/photo1.jpg", "away.jpg"], k=6, with_labels=False)
    return list(library.searches.answers(request))


@pytest.mark.parametrize(("suffix", "form"), [("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")])
def test_a_sheet_has_a_row_for_each_query_and_only_a_sheet_is_replaced(
    library: Library, answers: list[Answer], tmp_path: Path, suffix: str, form: str
) -> None:
    path = tmp_path / f"sheet.{suffix}"
    for _ in range(2):
        write_sheet(path, answers, library.store)

    with Image.open(path) as sheet:
        assert sheet.format == form
        assert sheet.width > sheet.height > 500
    path.write_bytes(b"a photo of somebody")
    with pytest.raises(UsageError, match="is not a sheet"):
        write_sheet(path, answers, library.store)
    assert path.read_bytes() == b"a photo of somebody"


def test_what_no_sheet_can_be_is_refused(
    library: Library, answers: list[Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("sheet.gif", "sheet", "no/folder/sheet.jpg"):
        with pytest.raises(UsageError):
            write_sheet(tmp_path / name, answers, library.store)
    monkeypatch.setattr(cells, "MOST_CELLS", 7)
    with pytest.raises(UsageError, match="at most 7 pictures, these would be 8"):
        write_sheet(tmp_path / "s.jpg", answers, library.store)
    assert list(tmp_path.iterdir()) == []


def test_a_sheet_of_an_answer_without_an_example_fills_its_rows(library: Library, tmp_path: Path) -> None:
    (listed,) = library.searches.answers(SearchRequest(k=3))
    many = replace(listed, results=listed.results * 80)
    for suffix in ("jpg", "webp"):
        write_sheet(tmp_path / f"s.{suffix}", [many], library.store)
        with Image.open(tmp_path / f"s.{suffix}") as sheet:
            assert sheet.width > 1000
            assert sheet.height < 10_000


def test_what_the_format_cannot_hold_is_an_error_and_nothing_is_written(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = library.searches.answers(SearchRequest(k=1))
    with pytest.raises(UsageError, match="pixels high"):
        write_sheet(tmp_path / "s.webp", [one] * 100, library.store)
    monkeypatch.setattr(write, "_HIGHEST", 10**6)
    with pytest.raises(UsageError, match=r"cannot be WEBP.*-k"):
        write_sheet(tmp_path / "s.webp", [one] * 100, library.store)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_a_photo_that_mentions_sheets_is_no_sheet(
    library: Library, answers: list[Answer], tmp_path: Path, suffix: str
) -> None:
    path, text = tmp_path / f"photo.{suffix}", "my first lookalike sheet"
    info = PngImagePlugin.PngInfo()
    info.add_text("Software", text)
    info.add_text("Comment", "lookalike sheet")
    draw_photo(1, 64, 48).save(path, comment=text, pnginfo=info, xmp=text.encode())
    before = path.read_bytes()

    with pytest.raises(UsageError, match="is not a sheet"):
        write_sheet(path, answers, library.store)
    assert path.read_bytes() == before
    for end in (1, 5, 20, 40, len(before) // 2):
        path.write_bytes(before[:end])
        assert not is_sheet(str(path))


def test_a_pipe_is_no_sheet_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "s.png")
    (tmp_path / "link.png").symlink_to("s.png")
    check = (
        "import sys; from lookalike.output.sheet.write import SHEET\n"
        "try: SHEET.check(sys.argv[1])\n"
        "except Exception as error: print(type(error).__name__)"
    )
    for name in ("s.png", "link.png"):
        command = [sys.executable, "-c", check, str(tmp_path / name)]
        done = subprocess.run(command, capture_output=True, timeout=60, check=True)
        assert done.stdout == b"UsageError\n"


def test_names_cannot_steer_the_terminal(library: Library, answers: list[Answer]) -> None:
    shown = b"".join(previews(answers, library.store, Screen("blocks", 100)))

    assert rb"odd\udcff\x1b[31m.jpg" in shown.replace("…".encode(), b"")
    assert b"\x1b[31m" not in shown
    assert b"away.jpg" in shown


def test_photos_without_a_score_have_their_number_alone(library: Library) -> None:
    (listed,) = library.searches.answers(SearchRequest(k=3))
    shown = list(cells.cells(listed, library.store))

    assert [cell.lines[0] for cell in shown] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("environ", "how"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-ghostty"}, "kitty"),
        ({"TERM_PROGRAM": "WezTerm"}, "iterm"),
        ({"LC_TERMINAL": "iTerm2", "TERM": "xterm-256color"}, "iterm"),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, None),
        ({"TERM": "xterm-256color"}, None),
    ],
)
def test_the_environment_tells_what_the_terminal_shows(environ: dict[str, str], how: str | None) -> None:
    assert told_by(environ) == how


def test_half_blocks_need_colors_and_sixels_are_an_attribute() -> None:
    with pytest.raises(UsageError, match="NO_COLOR"):
        chosen("blocks", {"NO_COLOR": "1"})
    assert chosen("sixel", {"NO_COLOR": "1"}) == "sixel"
    assert says_sixel(b"\x1b[?62;4;22c")
    assert not says_sixel(b"\x1b[?4;22c")  # a VT132, not an attribute
    assert not says_sixel(b"")


def test_the_command_draws_a_sheet_and_refuses_a_preview_without_a_terminal(
    library: Library, photos: Path, tmp_path: Path
) -> None:
    query, store = photos / "2022/photo1.jpg", library.store.folder
    run = lookalike("search", query, "--store", store, "--sheet", tmp_path / "s.png")
    assert run.code == 0
    assert (tmp_path / "s.png").exists()
    preview = lookalike("search", query, "--store", store, "--preview")
    assert preview.code == 2
    assert "stdout is none" in preview.err


def test_a_terminal_gets_the_pictures_below_the_table(library: Library, photos: Path) -> None:
    main, side = pty.openpty()
    command = [
        "search",
        str(photos / "2022/photo1.jpg"),
        "--store",
        library.store.folder,
        "--preview-as",
        "kitty",
    ]
    process = subprocess.Popen([sys.executable, "-m", "lookalike", *command], stdin=side, stdout=side)
    os.close(side)
    shown = b""
    try:
        while chunk := os.read(main, 65536):
            shown += chunk
    except OSError:  # how a terminal says that nobody writes to it any more
        pass
    os.close(main)

    assert process.wait(timeout=60) == 0
    assert shown.startswith(b"like ")
    assert b"\x1b_Ga=T,f=100" in shown
