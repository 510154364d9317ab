"""The tree of errors, each with the exit code that the command line gives it, and all exit codes.

LookalikeError                 1
├── UsageError                 2   the call makes no sense
├── DecodeError                3   one picture could not be read
│   └── PictureNotFound        3   there is no such file; a FileNotFoundError, too
├── ModelError                 1   a model or its weights
│   ├── WeightsMissing         1
│   └── WeightsTampered        1
├── ExtraMissing               1   it needs a package that is not installed
├── RootOffline                4   a folder is away or suspect
├── Refusal                    3   a file was left alone
├── OutputUnwritable           7   stdout, or a file to write, takes nothing more
└── StoreError                 1
    ├── StoreMissing           1   nothing has been indexed here yet
    ├── SpecMismatch           2   the store was made by another embedder
    ├── StoreLocked            5
    ├── StoreTooNew            6
    ├── StoreTooOld            6
    ├── StoreUnwritable        7   disk full or read-only
    │   └── NeedsLocalStore    7   a data set is searched, not changed
    └── StoreCorrupt           1
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ends, for scripts."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    PARTLY = 3  # done, but some files could not be
    OFFLINE = 4  # a folder is away or suspect
    LOCKED = 5  # another process writes to the store
    OTHER_VERSION = 6  # of the store
    UNWRITABLE = 7  # disk full or read-only, or stdout closed
    FOUND = 10  # of `check`, and of `explain --status`
    INTERRUPTED = 130  # finished work is kept
    READER_GONE = 141  # what a shell says of a program that SIGPIPE ended


class LookalikeError(Exception):
    """Base of all errors that lookalike raises on purpose.

    details: lines that show what one line cannot, such as the place of a mistake in a text.
    """

    exit_code = ExitCode.ERROR
    details: tuple[str, ...] = ()


class UsageError(LookalikeError):
    """The call makes no sense: an unknown name, a value out of range."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, details: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.details = details


class DecodeError(LookalikeError):
    """One picture could not be read.

    code: a short stable word ("not_an_image", "truncated", "too_large", ...) for scripts. is_named: whether
    the text names the picture.
    """

    exit_code = ExitCode.PARTLY
    is_named = False

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def naming(self, name: str) -> "DecodeError":
        """Return the error with the picture's name in its text, the path of a file mostly."""
        text = str(self) if self.is_named or name in str(self) else f"{name}: {self}"
        named = (PictureNotFound if self.code == "not_found" else DecodeError)(self.code, text)
        named.is_named = True
        return named


class PictureNotFound(DecodeError, FileNotFoundError):
    """There is no file of that name, or no photo of that number."""


class ExtraMissing(LookalikeError):
    """It needs a package that is not installed.

    Not our extras are named but the packages in them: by its own name alone lookalike cannot be installed.
    """

    def __init__(self, package: str, install: str) -> None:
        super().__init__(f"this needs {package}: install it with  pip install {install}")


class ModelError(LookalikeError):
    """A model cannot be built, loaded or run."""


class WeightsMissing(ModelError):
    """The weights of a model are not on this machine."""


class WeightsTampered(ModelError):
    """A weights file is not the one it claims to be; nothing of it was used."""


class RootOffline(LookalikeError):
    """A folder of the library is away, or looks as if its drive were."""

    exit_code = ExitCode.OFFLINE


class OutputUnwritable(LookalikeError):
    """What was asked for cannot be written to stdout, or to the file that was named for it."""

    exit_code = ExitCode.UNWRITABLE


class StoreError(LookalikeError):
    """The store cannot do what was asked."""


class StoreMissing(StoreError):
    """There is no store in this folder yet."""


class SpecMismatch(StoreError):
    """The store was made by another embedder."""

    exit_code = ExitCode.USAGE


class StoreLocked(StoreError):
    """Another process is writing to the store."""

    exit_code = ExitCode.LOCKED


class StoreTooNew(StoreError):
    """The store was written by a newer version of lookalike."""

    exit_code = ExitCode.OTHER_VERSION


class StoreTooOld(StoreError):
    """The store has an older format, which cannot be read as it is."""

    exit_code = ExitCode.OTHER_VERSION


class StoreUnwritable(StoreError):
    """The disk is full, or the store may not be written to."""

    exit_code = ExitCode.UNWRITABLE


class NeedsLocalStore(StoreUnwritable):
    """What was asked for changes a store, and this is a data set."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f"{url} is a data set, which is read and not changed; for this make a local store of it: "
            f"`lookalike bulk import {url} --store DIR`"
        )


class StoreCorrupt(StoreError):
    """The store's database is damaged."""


class Refusal(LookalikeError):
    """Nothing was done to a file, or what was done was taken back.

    code: a stable word for scripts: "gone", "changed", "unreadable", "link", "not_a_file", "protected",
    "other_program", "nobodys", "kept", "similar", "same_file", "two_ways", "companions", "unknown",
    "unproven", "linked", "foreign", "occupied", "other_filesystem", "unsupported", "unwritable",
    "no_trash", "last_copy", "dangling", "damaged", "remote", "offline".
    """

    exit_code = ExitCode.PARTLY

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
