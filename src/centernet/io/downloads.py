"""One image from the web, when its address was given: bounded in bytes and in time, and never kept."""

from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from centernet.errors import InputError

BYTE_LIMIT = 64 * 2**20
"""More than any photograph; a server that sends more is cut off."""

TIMEOUT_S = 20.0
"""How long a server may be silent."""


def is_url(text: str) -> bool:
    """Whether this is an address of the web."""
    return text.lower().startswith(("http://", "https://"))


def download(url: str, byte_limit: int = BYTE_LIMIT, timeout_s: float = TIMEOUT_S) -> bytes:
    """The bytes at an address.

    Raises:
        InputError: It cannot be reached, answers with an error, or sends too much.
    """
    request = Request(url, headers={"User-Agent": "centernet"})
    try:
        with urlopen(request, timeout=timeout_s) as answer:
            data: bytes = answer.read(byte_limit + 1)
    except HTTPError as error:
        error.close()
        raise InputError(f"{url} cannot be fetched: the server says {error.code} {error.reason}") from error
    except (URLError, HTTPException, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise InputError(
            f"{url} cannot be fetched ({' '.join(str(reason).split())}): is this machine online?"
        ) from error
    if len(data) > byte_limit:
        raise InputError(f"{url} is more than {byte_limit / 2**20:.0f} MiB: download it yourself")
    return data
