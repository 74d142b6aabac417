"""Networks of the original with seeded weights: what golden numbers of networks were made with."""

import torch
from tests.helpers.seeded_weights import checksum, fill, manifests

from centernet.conversion.weight_names import our_key
from centernet.models.factory import Architecture
from centernet.models.network import Network
from centernet.tasks.detect import Detect

RESNETS = {"res_18": "resnet18", "resdcn_18": "resnet18-dcn"}
BACKBONES = {**RESNETS, "dla_34": "dla34-dcn", "dlav0_34": "dla34", "hourglass": "hourglass104"}


def our_name(name: str, key: str) -> str | None:
    """Our key of a parameter of the original."""
    return our_key("resnet" if name in RESNETS else name.split("_")[0].replace("v0", ""), key)


def build(name: str) -> Network:
    """Our network of an original, for 80 classes."""
    head_channels = 64 if name in RESNETS else 256
    architecture = Architecture(backbone=BACKBONES[name], head_channels=head_channels)
    return architecture.build(Detect(num_classes=80).heads)


def load_seeded(network: Network, name: str) -> list[float]:
    """Loads the seeded weights into a network and returns their checksum."""
    state = fill(manifests()[f"ctdet_{name}"])
    ours = {our_name(name, key): torch.from_numpy(value) for key, value in state.items()}
    network.load_state_dict({key: value for key, value in ours.items() if key is not None})
    return checksum(state)
