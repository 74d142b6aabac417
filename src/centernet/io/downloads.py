"""Download of one image from a URL: limited in bytes and in time, and never kept."""

import ipaddress
import socket
import time
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from centernet.errors import InputError

BYTE_LIMIT = 64 * 2**20
"""Larger than any photograph; a longer download is refused."""

TIMEOUT_S = 20.0
"""Time without a response after which a download fails."""

DEADLINE_S = 60.0
"""Time for the whole of a download."""


def is_url(text: str) -> bool:
    """True for an `http` or `https` address."""
    return text.lower().startswith(("http://", "https://"))


def download(
    url: str,
    byte_limit: int = BYTE_LIMIT,
    timeout_s: float = TIMEOUT_S,
    deadline_s: float = DEADLINE_S,
) -> bytes:
    """The bytes at a URL.

    Raises:
        InputError: The server cannot be reached, responds with an error, sends too much or too slowly, or
            sends on to an address of this machine or of its network.
    """
    request = Request(url, headers={"User-Agent": "centernet"})
    try:
        opener = build_opener(_CheckedRedirects(may_be_private=_is_private(url)))
        end = time.monotonic() + deadline_s
        with opener.open(request, timeout=timeout_s) as response:
            data = _read_until(response, byte_limit + 1, end)
    except HTTPError as error:
        error.close()
        raise InputError(
            f"{url} cannot be fetched: the server responds {error.code} {error.reason}"
        ) from error
    except (URLError, HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise InputError(
            f"{url} cannot be fetched ({' '.join(str(reason).split())}): is this machine online?"
        ) from error
    if data is None:
        raise InputError(f"{url} took longer than {deadline_s:.0f} seconds: download it yourself")
    if len(data) > byte_limit:
        raise InputError(f"{url} is more than {byte_limit / 2**20:.0f} MiB: download it yourself")
    return data


class _CheckedRedirects(HTTPRedirectHandler):
    """Follows a server that sends on to another address, but from the internet to no private one."""

    def __init__(self, *, may_be_private: bool) -> None:
        self._may_be_private = may_be_private

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        """The next request.

        Raises:
            URLError: It is for an address of this machine or of its network, or for no web page.
        """
        if not is_url(newurl) or (_is_private(newurl) and not self._may_be_private):
            raise URLError(f"the server sends on to {newurl[:80]!r}, which is refused")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _is_private(url: str) -> bool:
    """True if a URL is of this machine, of its network, or of any other place that is not the internet."""
    host = urlsplit(url).hostname or ""
    try:
        found = socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    return not all(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]).is_global for entry in found)


def _read_until(response: Any, count: int, end: float) -> bytes | None:
    """At most so many bytes; None if they have not come by the end, a time of the monotonic clock."""
    parts, left = [], count
    while left > 0:
        if time.monotonic() > end:
            return None
        # Only what is there: `read` waits until it has as much as it was asked for.
        part = response.read1(min(left, 2**16))
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
