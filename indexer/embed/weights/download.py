"""Downloads an official weights file: https only, never more than it may be, nothing read."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import IO

from ....errors import ModelError
from .table import OfficialWeights

OpenUrl = Callable[[str], AbstractContextManager[IO[bytes]]]

_TIMEOUT_S = 30.0


def open_https(url: str) -> AbstractContextManager[IO[bytes]]:
    """Open an https address.

    Raises:
        urllib.error.URLError: for any other kind of address, a redirect to one included, since the
            opener knows no other; and when the host cannot be reached.
    """
    import urllib.request  # slow to load, and hardly ever needed

    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    response: AbstractContextManager[IO[bytes]] = opener.open(url, timeout=_TIMEOUT_S)
    return response


def download(official: OfficialWeights, open_url: OpenUrl) -> bytes:
    """Return the bytes behind an official address, unchecked.

    Raises:
        ModelError: they cannot be had, or are more than the official file has.
    """
    # Torchvision states the size to a thousandth of a MiB.
    limit = int((official.megabytes + 0.1) * (1 << 20))
    try:
        with open_url(official.url) as response:
            data = response.read(limit + 1)
    except OSError as error:
        raise ModelError(
            f"{official.url} cannot be downloaded: {error}; get the file on another machine and pass it: "
            f"`weights={official.file_name}`"
        ) from error
    if len(data) > limit:
        raise ModelError(
            f"{official.url} sends more than the {official.megabytes} MiB of the official file; nothing "
            "was kept. Something on the way answers in its place: try from another network"
        )
    return data
