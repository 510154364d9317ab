"""What the user wrote down once instead of with each command: the config file.

An option of a command counts before the environment, and that before the file; of what is left out or
protected, the file and the command count together.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from ..errors import UsageError

CONFIG = "LOOKALIKE_CONFIG"  # names another file
STORE = "LOOKALIKE_STORE"


@dataclass(frozen=True, slots=True)
class Setting:
    """What a key of the file holds. kind: its type. is_path: a file name, or names of files.

    adds: what a command says comes on top of it.
    """

    kind: type
    what: str
    is_path: bool = False
    adds: bool = False


KEYS = {
    "store": Setting(str, "a folder in quotes", is_path=True),
    "folders": Setting(list, "a list of folders", is_path=True),
    "exclude": Setting(list, "a list of patterns", adds=True),
    "keep": Setting(list, "a list of rules"),
    "prefer": Setting(list, "a list of folders", is_path=True),
    "protect": Setting(list, "a list of folders", is_path=True, adds=True),
}


@dataclass(frozen=True)
class Settings:
    """What a config file says. values: by key, folders as absolute paths. lines: where each key is."""

    file: str
    exists: bool = False
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def place(self, key: str) -> str:
        """Return where a key stands, for people."""
        return f"{self.file}, line {self.lines[key]}"

    def holds(self, key: str, value: Any) -> bool:
        """Tell whether the file says this of a key: as a whole, or as one of a list."""
        return key in self.values and (self.option(key) == value or value in self.values[key])

    def option(self, name: str) -> Any:
        """Return the value of the option that a key of the same name stands for; None if there is none."""
        value = self.values.get(name)
        return ",".join(value) if name == "keep" and value is not None else value


def config_file() -> str:
    """Return the name of the config file: $LOOKALIKE_CONFIG, else in the user's config folder."""
    named = os.environ.get(CONFIG)
    if named:
        return os.path.abspath(named)
    import platformdirs

    return os.path.join(platformdirs.user_config_dir("lookalike", False), "config.toml")


def read_settings() -> Settings:
    """Return what the config file says; nothing if there is none.

    Raises:
        UsageError: it cannot be read, or has a key or a value that means nothing.
    """
    file = config_file()
    try:
        with open(file, encoding="utf-8-sig") as opened:
            text = opened.read()
    except FileNotFoundError as error:
        if os.environ.get(CONFIG):
            raise UsageError(f"${CONFIG} names {file}, which is not there") from error
        return Settings(file)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from error
    import tomllib

    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # What is not closed is noticed at the end only: it is in the last line that begins a setting.
        begins = list(re.finditer(r"^.*=", text, re.MULTILINE))
        at_end = "end of document" in str(error) and begins
        line = f", line {text.count(chr(10), 0, begins[-1].start()) + 1}" if at_end else ""
        raise UsageError(f"{file}{line}: {error}") from error
    lines = {key: _line_of(key, text) for key in found}
    values = {key: _value(key, value, f"{file}, line {lines[key]}") for key, value in found.items()}
    return Settings(file, True, values, lines)


@contextmanager
def naming_the_line(key: str, value: Any) -> Iterator[None]:
    """Let an error about a value name the file, line and key from which it came, if it did."""
    try:
        yield
    except UsageError as error:
        found = read_settings()
        if not found.holds(key, value):
            raise
        raise UsageError(f"{found.place(key)}: {key}: {error}", error.details) from error


def _line_of(key: str, text: str) -> int:
    match = re.search(rf"""^[ \t]*\[*[ \t]*["']?{re.escape(key)}["']?[ \t]*[=.\]]""", text, re.MULTILINE)
    return text.count("\n", 0, match.start()) + 1 if match else 1


def _value(key: str, value: Any, where: str) -> Any:
    setting = KEYS.get(key)
    if setting is None:
        near = get_close_matches(key, KEYS, 1, 0.5)
        known = f"did you mean {near[0]}?" if near else f"it may have {', '.join(KEYS)}"
        raise UsageError(f"{where}: there is no setting {key}; {known}")
    values = value if isinstance(value, list) else [value]
    # One folder, or rules as on the command line, are as good as a list.
    is_list = setting.kind is list
    if not all(isinstance(each, str) and each for each in values) or (isinstance(value, list) > is_list):
        raise UsageError(f"{where}: {key} is {setting.what}, not {value!r}")
    if key == "keep":
        values = [rule.strip() for each in values for rule in each.split(",")]
    if setting.is_path:
        values = [_path(each, where) for each in values]
    return values if is_list else values[0]


def _path(name: str, where: str) -> str:
    """Return a path; a relative one is below the folder of the config file."""
    if "://" in name:
        return name
    return os.path.abspath(
        os.path.join(os.path.dirname(where.rpartition(",")[0]), os.path.expanduser(name))
    )
