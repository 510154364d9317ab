"""Running the server: its address, how its token reaches the browser and scripts, and its end."""

import errno
import os
import re
import signal
import socket
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import uvicorn

from ..errors import LookalikeError, UsageError
from ..indexer.options import DEFAULT_OPTIONS, IndexOptions
from ..library import Library
from ..store.files import discard
from ..store.own_files import OwnFile
from .app import make_app
from .guard import LOOPBACK, WILDCARDS, Pass
from .served import Served

PORT = 8765
_TAKEN = "something answers there already, another `lookalike serve` perhaps"
_TRIED = 20  # ports from the usual one on
_TOKEN = re.compile(rb"[\w-]{43}\n", re.ASCII)


def _is_token(path: str) -> bool:
    with open(path, "rb") as file:
        return _TOKEN.fullmatch(file.read(45)) is not None


TOKEN = OwnFile("token", _is_token, mode=0o600, failure=UsageError)


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """How to serve. host: the address. port: 0: any that is free; None: the usual one or one of the next.

    can_write: the page may change the library and move files. token_file: is written with the token.
    opens_browser: show the page. indexing: how index runs of the page go. folders: which they bring up to
    date with those of the library.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    can_write: bool = False
    token_file: str | None = None
    opens_browser: bool = True
    indexing: IndexOptions = DEFAULT_OPTIONS
    folders: Sequence[str] = ()


def serve_library(library: Library, options: ServeOptions, ready: Callable[[str, str], None]) -> None:
    """Serve a library until the process is told to end.

    ready: is given the address of the page, and the token, when requests are answered.

    Raises:
        UsageError: the address cannot be used, or the token not be written: see `OwnFile.check`.
    """
    with _listening(options) as listener:
        port = listener.getsockname()[1]
        names = LOOPBACK if options.host in LOOPBACK else (*LOOPBACK, options.host)
        entry = Pass(port, names)
        served = Served(library, options.can_write, options.indexing, options.folders)
        config = uvicorn.Config(
            make_app(served, entry),
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=2,
        )
        address = f"http://{WILDCARDS.get(options.host, options.host)}:{port}/"
        with _written(options.token_file, entry.token), _door(address, entry.token, options) as door:
            server = _Server(config, lambda: _begin(address, entry.token, ready, door), served.events.close)
            with _looking_ahead(served):
                server.run([listener])


@contextmanager
def _looking_ahead(served: Served) -> Iterator[None]:
    """Read what the first page asks for, so that it waits less; that ends before the store is closed."""

    def read() -> None:
        with suppress(LookalikeError):  # the page is told when it asks
            served.shelf.overview()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield
    finally:
        reader.join()


class _Server(uvicorn.Server):
    """A server that tells when it answers, and ends what never ends before it waits for the rest."""

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], end_streams: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._ready, self._end_streams = ready, end_streams

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Have signals end the server, and nothing else: what was begun is tidied up."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        names = ("SIGINT", "SIGTERM", "SIGHUP")
        numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._end_streams()
        await super().shutdown(sockets)


def _begin(address: str, token: str, ready: Callable[[str, str], None], door: str | None) -> None:
    ready(address, token)
    if door is not None:
        threading.Thread(target=webbrowser.open, args=[f"file://{door}"], daemon=True).start()


@contextmanager
def _listening(options: ServeOptions) -> Iterator[socket.socket]:
    ports = range(PORT, PORT + _TRIED) if options.port is None else [options.port]
    for port in ports:
        listener = socket.socket(socket.AF_INET6 if ":" in options.host else socket.AF_INET)
        try:
            if os.name != "nt":  # there it would let another program listen as well
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((options.host.strip("[]"), port))
        except OSError as error:
            listener.close()
            reason = _TAKEN if error.errno == errno.EADDRINUSE else error.strerror
            continue
        with listener:
            yield listener
        return
    raise UsageError(f"cannot listen at {options.host}, port {ports[0]}: {reason}; choose another --port")


@contextmanager
def _written(path: str | None, token: str) -> Iterator[None]:
    """Have the token in a file that only its owner reads, for the block."""
    if path is None:
        yield
        return
    line = f"{token}\n".encode()
    with TOKEN.replaced(path) as out:
        out.write(line)
    try:
        yield
    finally:
        _discard(os.path.realpath(path), line)


def _discard(path: str, line: bytes) -> None:
    """Remove the file of a token, unless it holds something else by now, as that of another server."""
    with suppress(OSError), open(path, "rb") as file:
        if file.read() == line:
            discard(path)


@contextmanager
def _door(address: str, token: str, options: ServeOptions) -> Iterator[str | None]:
    """Give the path of a private page that leads to ours with the token: other users see command lines."""
    if not options.opens_browser:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="lookalike-") as folder:  # mode 0700
        path = os.path.join(folder, "open.html")
        with open(path, "w", encoding="ascii") as out:
            target = f"{address}#token={token}"
            out.write(f'<meta charset="ascii"><meta http-equiv="refresh" content="0; url={target}">')
        yield path
