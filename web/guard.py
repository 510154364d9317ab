"""Who may ask the server: whoever runs it, from its own page, and nobody else.

Any page in the browser, and any program on this machine, can send requests to a loopback address. Three
checks stand before every answer: the name that was asked for (a page whose name was made to lead here
still says its own: DNS rebinding), where the request comes from (Sec-Fetch-Site, else Origin; Datasette and
Go 1.25 do the same), and the token of this run (Bearer, or the cookie that the page swaps it for). Cookies
do not know ports, so its name has the port in it.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .problems import problem

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
# Addresses to listen at that nobody asks for, and what is asked for on this computer instead.
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "[::]": "[::1]"}
_TOKEN_BYTES = 32

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Pass:
    """What lets a request in. port: of the server. hosts: the names it answers to, without the port.

    token: of this run. session: what the cookie holds, by which the page is known.
    """

    port: int
    hosts: Sequence[str] = LOOPBACK
    token: str = field(default_factory=lambda: secrets.token_urlsafe(_TOKEN_BYTES), repr=False)
    session: str = field(default_factory=lambda: secrets.token_urlsafe(_TOKEN_BYTES), repr=False)

    @property
    def cookie(self) -> str:
        """The name of the cookie."""
        return f"lookalike-{self.port}"

    def knows_host(self, host: str) -> bool:
        """Tell whether a Host header names this server."""
        return host.lower() in {f"{name}:{self.port}" for name in self.hosts}

    def opens(self, headers: Headers) -> bool:
        """Tell whether a request has the token, or the cookie that was given for it."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return _same(given.strip(), self.token)
        return _same(cookie_parser(headers.get("cookie", "")).get(self.cookie, ""), self.session)


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())


def is_from_elsewhere(headers: Headers) -> bool:
    """Tell whether another site's page sent a request."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2].lower() != headers.get("host", "").lower()


class Guard:
    """Lets in what `Pass` allows, and puts on every answer what a browser must not do with it."""

    def __init__(self, app: ASGIApp, entry: Pass) -> None:
        self._app, self._pass = app, entry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/api/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        app = self._app if refusal is None else problem(*refusal)
        await app(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> tuple[int, str, str] | None:
        """Return status, code and reason why a request is refused; None: it is not."""
        headers = Headers(scope=scope)
        if not self._pass.knows_host(headers.get("host", "")):
            return 421, "wrong_host", "this server answers to its own address only"
        if not scope["path"].startswith("/api/"):
            return None  # the page itself says nothing of anybody's photos
        if is_from_elsewhere(headers):
            return 403, "other_site", "the request comes from another site's page"
        if not self._pass.opens(headers):
            return 401, "no_token", "open the page with the address that `lookalike serve` opened"
        return None
