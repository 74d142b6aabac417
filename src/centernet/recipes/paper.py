"""Recipes of the paper "Objects as Points" (Zhou et al. 2019), with the settings of its released scripts."""

from dataclasses import replace

from centernet.recipes.recipe import Recipe


def _paper(backbone: str, *, batch: int, batches: int, head_channels: int = 64, lr: float = 5e-4) -> Recipe:
    """COCO as in "Objects as Points", sec. 5, and its released scripts: Adam, no weight decay, no warm-up.

    The paper divides the images of a step among several GPUs, each with its own batch statistics and loss.
    One device that accumulates the gradients of as many batches computes the same, which is what these
    recipes do; with more devices, `accumulate` must be lower: its product with `batch`, devices and machines
    is the paper's number of images. Encoders of the paper start from ImageNet weights: `pretrained=true`.

    Args:
        backbone: As in `Recipe`.
        batch: Images on each device.
        batches: Batches accumulated for each step.
        head_channels: As in `Recipe`.
        lr: As in `Recipe`.
    """
    return Recipe(
        backbone=backbone,
        batch=batch,
        accumulate=batches,
        devices="1",
        head_channels=head_channels,
        bgr=True,
        mean=(0.40789654, 0.44719302, 0.47026115),
        std=(0.28863828, 0.27408164, 0.27809835),
        epochs=140,
        optimizer="adam",
        lr=lr,
        weight_decay=0.0,
        schedule="step",
        warmup_epochs=0.0,
        clip=0.0,
        ema=0.0,
        val_every=5,
        train_crowd=True,
        workers=8,
    )


def _paper_resnet18(backbone: str) -> Recipe:
    # The paper splits 114 images as 18 + 32 + 32 + 32; three batches of 38 are the nearest equal split.
    return _paper(backbone, batch=38, batches=3)


def resnet18() -> Recipe:
    """ResNet-18 with three deconvolutions, trained as the paper's `resnet18-dcn`; no published AP."""
    return _paper_resnet18("resnet18")


def resnet18_dcn() -> Recipe:
    """The paper's ResNet-18 with deformable convolutions: 28.1 AP on COCO as published."""
    return _paper_resnet18("resnet18-dcn")


def resnet34() -> Recipe:
    """ResNet-34 with three deconvolutions, trained as the paper's DLA-34; no published AP."""
    return _paper("resnet34", batch=16, batches=8)


def resnet34_dcn() -> Recipe:
    """ResNet-34 with deformable convolutions, trained as the paper's DLA-34; no published AP."""
    return _paper("resnet34-dcn", batch=16, batches=8)


def resnet50() -> Recipe:
    """ResNet-50 with three deconvolutions, trained as the paper's DLA-34; no published AP."""
    return _paper("resnet50", batch=16, batches=8)


def resnet50_dcn() -> Recipe:
    """ResNet-50 with deformable convolutions, trained as the paper's DLA-34; no published AP."""
    return _paper("resnet50-dcn", batch=16, batches=8)


def resnet101() -> Recipe:
    """ResNet-101 with three deconvolutions, trained as the paper's `resnet101-dcn`; no published AP."""
    return _paper("resnet101", batch=12, batches=8, lr=3.75e-4)


def resnet101_dcn() -> Recipe:
    """The paper's ResNet-101 with deformable convolutions: 34.6 AP on COCO as published."""
    return _paper("resnet101-dcn", batch=12, batches=8, lr=3.75e-4)


def dla34() -> Recipe:
    """DLA-34 without deformable convolutions, trained as the paper's `dla34-dcn`; no published AP."""
    return _paper("dla34", batch=16, batches=8, head_channels=256)


def dla34_dcn() -> Recipe:
    """The paper's DLA-34: 36.3 AP on COCO as published, 37.4 with the longer schedule `dla34-dcn-2x`."""
    return _paper("dla34-dcn", batch=16, batches=8, head_channels=256)


def dla34_dcn_2x() -> Recipe:
    """`dla34-dcn` with 230 epochs, lr divided by ten after 180 and 210: 37.4 AP on COCO as published."""
    return replace(dla34_dcn(), epochs=230, lr_steps=(180, 210))


def hourglass104() -> Recipe:
    """The paper's Hourglass-104, fine-tuned from ExtremeNet's weights: 40.3 AP on COCO as published."""
    return replace(hourglass104_scratch(), epochs=50, lr_steps=(40,))


def hourglass104_scratch() -> Recipe:
    """Hourglass-104 from random weights, with the epochs of the paper's other networks; no published AP."""
    return _paper("hourglass104", batch=4, batches=6, head_channels=256, lr=2.5e-4)


def dla34_dcn_pose() -> Recipe:
    """The paper's DLA-34 for poses, fine-tuned from `ctdet_coco_dla_2x`: 54.7 keypoint AP as published."""
    return replace(dla34_dcn(), task="pose")


def dla34_dcn_pose_3x() -> Recipe:
    """`dla34-dcn-pose` with 320 epochs, lr divided by 10 after 270 and 300: 58.9 keypoint AP as published."""
    return replace(dla34_dcn_pose(), epochs=320, lr_steps=(270, 300))


def hourglass104_pose() -> Recipe:
    """The paper's Hourglass-104 for poses, fine-tuned from `ctdet_coco_hg`: 58.7 keypoint AP as published."""
    return replace(hourglass104(), task="pose")


def hourglass104_pose_3x() -> Recipe:
    """`hourglass104-pose` with 150 epochs, lr divided by ten after 130: 64.0 keypoint AP as published."""
    return replace(hourglass104_pose(), epochs=150, lr_steps=(130,))


def dla34_dcn_3d() -> Recipe:
    """The paper's DLA-34 for 3D boxes on KITTI, with the aspect ratio of the image kept; no published AP."""
    return replace(
        dla34_dcn(),
        task="mono3d",
        batch=8,
        accumulate=2,
        lr=1.25e-4,
        epochs=70,
        lr_steps=(45, 60),
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        imgsz=1280,
        rect=True,
        windows=0.5,
        random_crop=False,
        scale_max=1.4,
        flip=0.0,
        color=0.0,
        train_crowd=False,
        center3d_weight=0.0,
        focal_px=0.0,
        slots=50,
    )
