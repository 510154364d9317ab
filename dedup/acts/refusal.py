"""Why a file is left alone."""

from ...errors import LookalikeError


class Refusal(LookalikeError):
    """Nothing was done to a file, or what was done was taken back.

    code: a stable word for scripts: "gone", "changed", "unreadable", "link", "not_a_file", "protected",
    "kept", "similar", "same_file", "companions", "unknown", "occupied", "other_filesystem", "unsupported",
    "unwritable", "no_trash", "last_copy".
    """

    exit_code = 3

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
