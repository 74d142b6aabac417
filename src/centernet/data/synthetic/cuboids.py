"""Road users as cuboids with shaded faces, whose windows and lamps show the heading."""

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from centernet.data.synthetic.shapes import SHIFT, Polygon, Silhouette
from centernet.geometry.boxes3d import corners_of
from centernet.geometry.camera import Camera, project

Color = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class RoadClass:
    """Sizes and appearance of the road users of one class.

    Attributes:
        name: The class.
        size_m: Mean height, width and length.
        deviation_m: Standard deviation of each.
        patches: Painted on each face: left, bottom, right, top as fractions of the face, and a colour.
    """

    name: str
    size_m: tuple[float, float, float]
    deviation_m: tuple[float, float, float]
    patches: dict[str, tuple[tuple[float, float, float, float, Color], ...]]


_GLASS: Color = (60, 75, 95)
_TYRE: Color = (25, 25, 25)
_WHITE: Color = (250, 250, 225)
_RED: Color = (215, 20, 25)
_SKIN: Color = (225, 180, 150)
_HAIR: Color = (60, 40, 25)

_CAR_LEFT = (
    (0.05, 0.0, 0.25, 0.3, _TYRE),
    (0.75, 0.0, 0.95, 0.3, _TYRE),
    (0.25, 0.55, 0.8, 0.95, _GLASS),
)
_CAR_RIGHT = tuple((1 - right, low, 1 - left, high, color) for left, low, right, high, color in _CAR_LEFT)
_CYCLIST_SIDE = (
    (0.0, 0.0, 0.35, 0.4, _TYRE),
    (0.65, 0.0, 1.0, 0.4, _TYRE),
    (0.35, 0.8, 0.65, 1.0, _HAIR),
)

# Sizes: means and deviations of KITTI's training labels, to hundredths.
ROAD_CLASSES = (
    RoadClass(
        name="Pedestrian",
        size_m=(1.76, 0.66, 0.84),
        deviation_m=(0.11, 0.1, 0.15),
        patches={
            "front": ((0.3, 0.8, 0.7, 0.95, _SKIN), (0.1, 0.0, 0.9, 0.45, _GLASS)),
            "rear": ((0.3, 0.8, 0.7, 1.0, _HAIR), (0.1, 0.0, 0.9, 0.45, _GLASS)),
            "left": ((0.4, 0.8, 0.8, 0.95, _SKIN), (0.1, 0.0, 0.9, 0.45, _GLASS)),
            "right": ((0.2, 0.8, 0.6, 0.95, _SKIN), (0.1, 0.0, 0.9, 0.45, _GLASS)),
            "top": ((0.2, 0.2, 0.8, 0.8, _HAIR),),
        },
    ),
    RoadClass(
        name="Car",
        size_m=(1.53, 1.63, 3.88),
        deviation_m=(0.14, 0.1, 0.42),
        patches={
            "front": (
                (0.12, 0.55, 0.88, 0.95, _GLASS),
                (0.03, 0.3, 0.25, 0.45, _WHITE),
                (0.75, 0.3, 0.97, 0.45, _WHITE),
            ),
            "rear": (
                (0.2, 0.6, 0.8, 0.9, _GLASS),
                (0.0, 0.3, 0.2, 0.5, _RED),
                (0.8, 0.3, 1.0, 0.5, _RED),
            ),
            # The bonnet is longer than the boot.
            "left": _CAR_LEFT,
            "right": _CAR_RIGHT,
            "top": ((0.1, 0.55, 0.9, 0.7, _GLASS),),
        },
    ),
    RoadClass(
        name="Cyclist",
        size_m=(1.74, 0.6, 1.76),
        deviation_m=(0.09, 0.08, 0.15),
        patches={
            "front": (
                (0.3, 0.8, 0.7, 0.95, _SKIN),
                (0.3, 0.4, 0.7, 0.5, _WHITE),
                (0.4, 0.0, 0.6, 0.4, _TYRE),
            ),
            "rear": ((0.3, 0.8, 0.7, 1.0, _HAIR), (0.3, 0.3, 0.7, 0.4, _RED), (0.4, 0.0, 0.6, 0.3, _TYRE)),
            "left": (*_CYCLIST_SIDE, (0.3, 0.8, 0.45, 0.92, _SKIN)),
            "right": (*_CYCLIST_SIDE, (0.55, 0.8, 0.7, 0.92, _SKIN)),
            "top": ((0.3, 0.3, 0.7, 0.7, _HAIR),),
        },
    ),
)
"""The classes of road users, in KITTI's order."""

# Corners in the numbering of `corners_of`: bottom left, bottom right, top right, top left, from outside.
_FACES = {
    "front": (1, 0, 4, 5),
    "rear": (3, 2, 6, 7),
    "left": (2, 1, 5, 6),
    "right": (0, 3, 7, 4),
    "top": (7, 6, 5, 4),
}
_LIGHT = (0.55, -0.75, -0.35)
"""Direction of the light source: to the right, above and behind the camera."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cuboid:
    """One road user at its place.

    Attributes:
        box3d: `(h, w, l, x, y, z, rotation_y)`, camera metres, wholly in front of the camera.
        camera: Projection from camera metres to image pixels.
        label: Index into `ROAD_CLASSES`.
    """

    box3d: Float[np.ndarray, " 7"]
    camera: Camera
    label: int

    @property
    def num_colors(self) -> int:
        """One colour, shaded by face."""
        return 1

    @property
    def keypoints(self) -> Float[np.ndarray, "0 2"]:
        """No keypoints."""
        return np.zeros((0, 2))

    @property
    def corners_px(self) -> Float[np.ndarray, "8 2"]:
        """Its corners in image pixels; may lie outside the image."""
        return project(self.camera, self._corners_m)

    def silhouette(self) -> Silhouette:
        """The pixels it covers, outside the image too."""
        hull = cv2.convexHull(self.corners_px.astype(np.float32))
        return Silhouette.of(hull[:, 0].astype(np.float64))

    def paint(
        self, image: UInt8[np.ndarray, "h w d"], silhouette: Silhouette, colors: UInt8[np.ndarray, "1 d"]
    ) -> None:
        """Paint the faces towards the camera, in place."""
        del silhouette
        corners_m, corners_px = self._corners_m, self.corners_px
        matrix = self.camera[:, :3]
        camera_m = -np.linalg.solve(matrix, self.camera[:, 3])
        middle_m = corners_m.mean(axis=0)
        for name, numbers in _FACES.items():
            face_m = corners_m[list(numbers)]
            outwards = face_m.mean(axis=0) - middle_m
            if outwards @ (camera_m - face_m.mean(axis=0)) <= 0:
                continue
            brightness = 0.62 + 0.38 * float(outwards @ np.array(_LIGHT)) / float(np.linalg.norm(outwards))
            fill(image, corners_px[list(numbers)], colors[0] * brightness)
            for left, low, right, high, color in ROAD_CLASSES[self.label].patches[name]:
                fractions = np.array([(left, low), (right, low), (right, high), (left, high)])
                patch_m = _on_face(face_m, fractions)
                fill(image, project(self.camera, patch_m), np.array(color) * brightness)

    @property
    def _corners_m(self) -> Float[np.ndarray, "8 3"]:
        return corners_of(self.box3d[None])[0]


def fill(image: UInt8[np.ndarray, "h w d"], polygon: Polygon, color: Float[np.ndarray, " d"]) -> None:
    """Fill a convex polygon in place."""
    corners = np.round(polygon * 2**SHIFT).astype(np.int32)
    cv2.fillConvexPoly(image, corners, color=np.clip(color, 0, 255).astype(int).tolist(), shift=SHIFT)


def _on_face(
    face_m: Float[np.ndarray, "4 3"], fractions: Float[np.ndarray, "4 2"]
) -> Float[np.ndarray, "4 3"]:
    """Points of a face from fractions of its width and height."""
    origin = face_m[0]
    along, up = face_m[1] - origin, face_m[3] - origin
    points: Float[np.ndarray, "4 3"] = origin + fractions[:, :1] * along + fractions[:, 1:] * up
    return points
