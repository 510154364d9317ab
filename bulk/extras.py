"""The packages that bulk work needs and a plain install lacks."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import UsageError


@contextmanager
def needing(extra: str = "bulk") -> Iterator[None]:
    """Say which extra to install where the block imports a package that is missing.

    Raises:
        UsageError: it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(
            f'this needs {error.name}: install it with  pip install "lookalike[{extra}]"'
        ) from error
