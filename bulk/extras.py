"""The packages that bulk work needs and a plain install lacks."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

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
        raise UsageError(
            f"this needs {error.name}: install all that bulk work needs with  pip install {packages}"
        ) from error


def why_incomplete() -> list[str]:
    """Say what is missing for later steps, before the long work that comes first."""
    if find_spec("lance") is not None:
        return []
    return [f"`bulk finish` and `bulk dupes` will need lance, too: pip install {PACKAGES}"]
