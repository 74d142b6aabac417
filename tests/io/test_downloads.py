"""Downloads end: a slow server is left, and none sends on from the internet to a private address."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from centernet.errors import InputError
from centernet.io import downloads


class Server(BaseHTTPRequestHandler):
    """Sends a byte every tenth of a second at `/slow`, a file at `/file`, and on to it at `/on`."""

    def do_GET(self) -> None:
        """Responds."""
        self.send_response(302 if self.path == "/on" else 200)
        if self.path == "/on":
            self.send_header("Location", "/file")
        self.send_header("Content-Length", {"/on": "0", "/slow": "100"}.get(self.path, "4"))
        self.end_headers()
        if self.path == "/file":
            self.wfile.write(b"done")
        try:
            while self.path == "/slow":
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.1)
        except OSError:
            pass

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a server on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_server_that_sends_a_byte_now_and_then_is_left(address: str) -> None:
    began = time.monotonic()

    with pytest.raises(InputError, match=r"/slow took longer than 1 seconds"):
        downloads.download(f"{address}/slow", deadline_s=1.0)
    assert time.monotonic() - began < 5


def test_a_private_address_may_send_on_to_itself_and_one_of_the_internet_may_not(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert downloads.download(f"{address}/on") == b"done"

    checks = iter([False, True])
    monkeypatch.setattr(downloads, "_is_private", lambda _url: next(checks))
    with pytest.raises(InputError, match=r"the server sends on to .*/file', which is refused"):
        downloads.download(f"{address}/on")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.jpg",
        "http://localhost/",
        "http://10.0.0.1/",
        "http://169.254.169.254/",
        "http://[::1]/",
    ],
)
def test_addresses_of_this_machine_and_its_network_are_private(url: str) -> None:
    assert downloads._is_private(url)
    assert not downloads._is_private("http://8.8.8.8/a.jpg")
