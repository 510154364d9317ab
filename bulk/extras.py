"""The packages that bulk work needs and a plain install lacks."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import UsageError

PACKAGES = "fsspec pyarrow pylance s3fs"  # the extra `bulk`


@contextmanager
def needing(packages: str = PACKAGES) -> Iterator[None]:
    """Say which packages to install where the block imports one that is missing.

    Raises:
        UsageError: it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise UsageError(f"this needs {error.name}: install it with  pip install {packages}") from error
