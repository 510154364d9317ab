"""Errors as the page gets them: RFC 9457 (problem details), with the exit code of the command line."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ..errors import DecodeError, ExitCode, LookalikeError, StoreLocked, StoreMissing, UsageError
from .answer import Answer


class Gone(LookalikeError):
    """What was asked for is not there, or not any more."""


class ReadOnly(LookalikeError):
    """The server was started without --write."""


class Replaced(LookalikeError):
    """Another store lies where the one that is served was: its numbers mean other photos."""


class Changed(LookalikeError):
    """Something is not as it was when the page looked at it."""


_STATUS: tuple[tuple[type[LookalikeError], int], ...] = (
    (Gone, 404),
    (ReadOnly, 403),
    (Changed, 409),
    (Replaced, 409),
    (UsageError, 400),
    (DecodeError, 422),
    (StoreMissing, 404),
    (StoreLocked, 409),
)


def problem(status: int, code: str, reason: str, **more: Any) -> Answer:
    """Return an error. status: of HTTP. code: for programs. reason: for people, plain text."""
    body = {"type": "about:blank", "status": status, "title": reason, "code": code, **more}
    return Answer(body, status, media_type="application/problem+json")


def add_problems(app: FastAPI) -> None:
    """Have an app answer errors as problems."""

    @app.exception_handler(LookalikeError)
    def ours(_: Request, error: LookalikeError) -> Answer:
        status = next((each for kind, each in _STATUS if isinstance(error, kind)), 500)
        code = getattr(error, "code", "") or type(error).__name__
        return problem(status, code, str(error), exit_code=int(error.exit_code))

    @app.exception_handler(RequestValidationError)
    def wrong(_: Request, error: RequestValidationError) -> Answer:
        first = error.errors()[0]
        place = ".".join(str(each) for each in first["loc"])
        return problem(422, "not_valid", f"{place}: {first['msg']}", exit_code=int(ExitCode.USAGE))

    @app.exception_handler(Exception)
    def unforeseen(_: Request, __: Exception) -> Answer:
        return problem(500, "internal", "internal error (please report it)", exit_code=int(ExitCode.ERROR))

    @app.exception_handler(HTTPException)
    def other(_: Request, error: HTTPException) -> Answer:
        return problem(error.status_code, "http", str(error.detail))
