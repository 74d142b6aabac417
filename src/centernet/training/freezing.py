"""Parts of a network that a training keeps as they are, or changes at a rate of their own."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from centernet.errors import UsageError
from centernet.models.network import Network
from centernet.recipes.recipe import Recipe


def encoder_of(network: Network, recipe: Recipe) -> tuple[nn.Module, ...]:
    """The modules of the encoder if the recipe treats it apart, else none.

    Raises:
        UsageError: The recipe does, and the backbone has no encoder.
    """
    if recipe.freeze != "encoder" and not recipe.lr_encoder:
        return ()
    modules: tuple[nn.Module, ...] = getattr(network.backbone, "encoder_modules", ())
    if not modules:
        key = "lr_encoder" if recipe.lr_encoder else "freeze=encoder"
        raise UsageError(
            f"{key} needs an encoder, and {recipe.backbone} has none apart from the rest: "
            "leave it out, or choose freeze=bn"
        )
    return modules


def frozen_modules(network: Network, recipe: Recipe) -> tuple[nn.Module, ...]:
    """The modules that the recipe freezes: they stay in evaluation mode, and no weight of them changes.

    Raises:
        UsageError: The encoder is to be frozen, and the backbone has none.
    """
    if recipe.freeze == "bn":
        return tuple(module for module in network.modules() if isinstance(module, _BatchNorm))
    return encoder_of(network, recipe) if recipe.freeze == "encoder" else ()


@contextmanager
def frozen(network: Network, recipe: Recipe) -> Iterator[None]:
    """Inside the `with` block, the weights that the recipe freezes have no gradient.

    Raises:
        UsageError: The encoder is to be frozen, and the backbone has none.
    """
    kept = [
        parameter
        for module in frozen_modules(network, recipe)
        for parameter in module.parameters()
        if parameter.requires_grad
    ]
    for parameter in kept:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in kept:
            parameter.requires_grad_(True)
