"""Who may ask the server: one test for each way that somebody else would try."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Browser
from starlette.testclient import TestClient

from lookalike.tests.browsers import FLAGS, browser_path
from lookalike.tests.web.conftest import Address, OpenPage, client_of
from lookalike.web.guard import Pass
from lookalike.web.served import Served

PRIVATE = ("/api/status", "/api/photos/1/thumb", "/api/photos/1/original", "/api/sets", "/api/openapi.json")


@pytest.mark.parametrize("path", PRIVATE)
def test_without_the_token_nothing_is_told(served: Served, entry: Pass, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}, {"Cookie": f"{entry.cookie}={entry.token}"}):
        answer = client_of(served, entry, headers).get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "no_token"), headers


def test_the_token_is_swapped_for_a_cookie_that_opens_images(
    client: TestClient, served: Served, entry: Pass
) -> None:
    answer = client.post("/api/session")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert entry.token not in cookie
    other = client_of(served, entry, {"Cookie": cookie.partition(";")[0]})
    assert other.get("/api/photos/1/thumb").content[:3] == b"\xff\xd8\xff"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8765", "127.0.0.1", "127.0.0.1:1", "localhost.:8765", "", "[::1]"],
)
def test_a_name_that_was_made_to_lead_here_is_refused(client: TestClient, host: str) -> None:
    for path in ("/", "/api/status"):
        assert client.get(path, headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "LOCALHOST:8765", "[::1]:8765"])
def test_its_own_names_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/api/status", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "null"},
    ],
)
def test_the_page_of_another_site_is_refused_even_with_the_cookie(
    served: Served, entry: Pass, headers: dict[str, str]
) -> None:
    cookie = {"Cookie": f"{entry.cookie}={entry.session}"}
    assert client_of(served, entry, cookie).get("/api/status").status_code == 200
    for method in ("GET", "POST"):
        answer = client_of(served, entry, {**cookie, **headers}).request(method, "/api/status")
        assert (answer.status_code, answer.json()["code"]) == (403, "other_site")


def test_every_answer_tells_browsers_what_not_to_do(client: TestClient) -> None:
    for path in ("/", "/page.css", "/api/status", "/api/photos/1/thumb", "/api/nothing", "/nothing.js"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["cross-origin-resource-policy"] == "same-origin", path
        assert headers["referrer-policy"] == "no-referrer", path
        assert "server" not in headers, path


@pytest.mark.parametrize(
    "path",
    [
        "/../served.py",
        "/%2e%2e/served.py",
        "/..%2fserved.py",
        "/page/../app.py",
        "/app.py",
        "//etc/passwd",
        "/index.html/x",
    ],
)
def test_only_files_of_the_page_are_given(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("photo", ["..", "%2e%2e%2f1", "1%2f..%2f2", "x", "-1", "9" * 30, "1e3"])
def test_a_photo_is_named_by_its_number_only(client: TestClient, photo: str) -> None:
    for what in ("", "/thumb", "/preview", "/original", "/related"):
        assert client.get(f"/api/photos/{photo}{what}").status_code in (404, 422)


# --- in a real browser ------------------------------------------------------------------------------------


@contextmanager
def site(html: str) -> Iterator[str]:
    """Serve another site's page on this machine; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def test_another_port_of_this_machine_gets_neither_pictures_nor_data(
    open_page: OpenPage, address: Address
) -> None:
    page = open_page()
    page.wait_for_selector(".cell img")  # the cookie is there now, and is sent to every port
    script = """async (url) => {
        const image = new Image();
        const shown = new Promise((done) => {
            image.onload = () => done("shown");
            image.onerror = () => done("refused");
        });
        image.src = `${url}api/photos/1/thumb`;
        const read = (answer) => answer.text().then((text) => text || answer.type);
        const asked = fetch(`${url}api/status`, { credentials: "include" }).then(read, () => "refused");
        return [await shown, await asked];
    }"""
    with site("<title>other</title>") as url:
        other = page.context.new_page()
        other.goto(url)
        assert other.evaluate(script, address.url) == ["refused", "refused"]


def test_a_name_made_to_lead_here_gets_nothing_in_a_browser(browser: Browser, address: Address) -> None:
    rule = f"--host-resolver-rules=MAP evil.example 127.0.0.1:{address.entry.port}"
    other = browser.browser_type.launch(executable_path=browser_path(), args=[*FLAGS, rule])
    answer = other.new_page().goto(f"http://evil.example:{address.entry.port}/")
    assert answer is not None
    assert answer.status == 421
    other.close()


def test_the_page_cannot_be_framed(open_page: OpenPage, address: Address) -> None:
    page = open_page()
    page.wait_for_selector(".cell img")
    with site(f'<iframe src="{address.url}"></iframe>') as url:
        other = page.context.new_page()
        other.goto(url)
        other.wait_for_load_state("networkidle")
        assert other.frames[-1].query_selector("header") is None


def test_the_token_leaves_the_address_at_once(open_page: OpenPage, address: Address) -> None:
    page = open_page("?where=width>10")
    page.wait_for_selector(".cell img")
    assert address.entry.token not in page.url
    assert "where=" in page.url
    assert address.entry.token not in page.evaluate("JSON.stringify([document.cookie, {...localStorage}])")


def test_without_the_token_the_page_says_how_to_open_it(address: Address, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(address.url)
    page.wait_for_selector("text=does not belong to the")
    assert page.query_selector(".cell") is None
    page.close()
