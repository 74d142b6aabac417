"""Download of one image from a URL: limited in bytes and in time, and never kept."""

from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from centernet.errors import InputError

BYTE_LIMIT = 64 * 2**20
"""Larger than any photograph; a longer download is refused."""

TIMEOUT_S = 20.0
"""Time without a response after which a download fails."""


def is_url(text: str) -> bool:
    """True for an `http` or `https` address."""
    return text.lower().startswith(("http://", "https://"))


def download(url: str, byte_limit: int = BYTE_LIMIT, timeout_s: float = TIMEOUT_S) -> bytes:
    """The bytes at a URL.

    Raises:
        InputError: The server cannot be reached, responds with an error, or sends too much.
    """
    request = Request(url, headers={"User-Agent": "centernet"})
    try:
        with urlopen(request, timeout=timeout_s) as response:
            data: bytes = response.read(byte_limit + 1)
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
    if len(data) > byte_limit:
        raise InputError(f"{url} is more than {byte_limit / 2**20:.0f} MiB: download it yourself")
    return data
