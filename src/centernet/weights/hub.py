"""Download and upload of weights folders on the Hugging Face hub."""

from pathlib import Path
from tempfile import TemporaryDirectory

from centernet.errors import InputError
from centernet.inference.predictor import TorchPredictor
from centernet.weights.files import CARD, save
from centernet.weights.zoo import CONFIG, MODEL


def fetch(name: str | Path) -> str | Path:
    """The downloaded folder for `hf://owner/name`, or `hf://owner/name@revision`; other names are returned.

    A revision, such as the hash of a commit, pins the weights: those of `main` may be others tomorrow.

    Raises:
        InputError: The hub cannot be reached, or has no such repository.
    """
    if not str(name).startswith("hf://"):
        return name
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    repository, _, revision = str(name).removeprefix("hf://").partition("@")
    try:
        return snapshot_download(repository, revision=revision or None, allow_patterns=[CONFIG, MODEL, CARD])
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"cannot fetch {repository!r} from the hub ({reason})") from error


def push(predictor: TorchPredictor, repository: str, *, private: bool, token: str | None) -> str:
    """Uploads the weights folder to a repository on the Hugging Face hub, and returns its address."""
    from huggingface_hub import HfApi

    hub = HfApi(token=token)
    with TemporaryDirectory() as folder:
        save(predictor, folder)
        hub.create_repo(repository, private=private, exist_ok=True)
        return str(hub.upload_folder(repo_id=repository, folder_path=folder))
