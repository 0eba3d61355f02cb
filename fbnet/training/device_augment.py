"""The augmentation of `fbnet.training.augment` for a whole batch at once, on the faces' device.

The same distribution as the CPU's, in the same order: one affine warp, tone, grey, blur, noise,
JPEG, occlusion; values are rounded to grey levels after each step, as uint8 pictures are. Every
step is computed for the whole batch and kept where a face's draw says so: no synchronisation and no
shape that depends on a draw, so that a training step with it can be captured as a CUDA graph.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from fbnet.landmarks import Scheme
from fbnet.params import AugmentParams

RECTANGLES = 2
"""Most rectangles that hide parts of a face."""
UNIFORM_DRAWS = 20 + 12 * RECTANGLES
"""Uniform draws for a face: 5 for the geometry, 15 for its values, 12 for a rectangle."""
GREY_OF_BGR = (0.114, 0.587, 0.299)
"""Weights of blue, green and red in a grey value (ITU-R BT.601)."""
JPEG_BLOCK = 8
JPEG_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
JPEG_CHROMINANCE = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
"""Quantisation tables of the JPEG standard (ITU-T T.81, Annex K), at quality 50."""


class DeviceAugment:
    """Varies batches of faces on their device."""

    def __init__(
        self, params: AugmentParams, scheme: Scheme, size: int, margin: int, device: torch.device
    ) -> None:
        """Place the constants on the device: a CUDA graph must not copy from the host.

        params: strengths and chances. scheme: of the landmarks. size, margin: of the stored
        pictures in pixels, which are size + 2 * margin wide. device: where the faces lie.
        """
        self.params, self.size, self.margin, self.device = params, size, margin, device
        frequency = torch.arange(JPEG_BLOCK, dtype=torch.float64)
        cosines = torch.cos(math.pi / JPEG_BLOCK * frequency[:, None] * (frequency + 0.5))
        cosines *= math.sqrt(2 / JPEG_BLOCK)
        cosines[0] /= math.sqrt(2)
        tables = torch.tensor([JPEG_LUMINANCE, JPEG_CHROMINANCE, JPEG_CHROMINANCE]).float()
        self._mirror = torch.tensor(scheme.mirror).to(device)
        self._grey = torch.tensor(GREY_OF_BGR).view(1, 3, 1, 1).to(device)
        self._jpeg_tables, self._dct = tables.to(device), cosines.float().to(device)
        self._pixels = torch.arange(size, dtype=torch.float32).to(device)

    def draws(self, faces: int, generator: torch.Generator | None = None) -> Tensor:
        """Uniform draws [faces, UNIFORM_DRAWS] in 0..1 on the device."""
        return torch.rand(faces, UNIFORM_DRAWS, device=self.device, generator=generator)

    def __call__(
        self,
        images: Tensor,
        landmarks: Tensor,
        pose: Tensor,
        generator: torch.Generator | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Vary a batch.

        images: uint8 [B, S, S, 3] BGR with S = size + 2 * margin; landmarks: float32 [B, P, 2] in
        units of the inner crop; pose: float32 [B, 3], pitch, yaw, roll in radians.
        Returns crops float32 [B, 3, size, size] in 0..1, channels_last in memory, and their
        landmarks and pose.
        """
        draws = self.draws(len(images), generator)
        matrix, flip, angle = self.placement(draws[:, :5])
        crops = self.warp(images, matrix)
        moved = self.move(landmarks, matrix)
        moved = torch.where(flip[:, None, None], moved[:, self._mirror], moved)
        crops = self._vary_values(crops, draws[:, 5:20], generator)
        crops = self._occlude(crops, draws[:, 20:], generator)
        sign = torch.where(flip, -1.0, 1.0)
        pitch, yaw, roll = pose.unbind(1)
        roll = sign * roll + angle
        roll = torch.where(roll.abs() > math.pi, roll - 2 * math.pi * roll.sign(), roll)
        turned = torch.stack([pitch, sign * yaw, roll], dim=1)
        return (crops / 255).contiguous(memory_format=torch.channels_last), moved, turned

    def placement(self, draws: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Affine matrices [B, 2, 3] from pixels of the stored picture to pixels of the crop.

        draws: [B, 5]: mirror, rotate, scale, shift x, shift y, as the CPU's augmentation draws
        them. Also returns which faces are flipped, bool [B], and the turns, radians [B].
        """
        p, size = self.params, self.size
        flip = draws[:, 0] < p.mirror
        angle = math.radians(p.rotate) * even(draws[:, 1])
        scale = 1.0 + p.scale * even(draws[:, 2])
        shift = p.shift * even(draws[:, 3:5])
        cosine, sine = scale * torch.cos(angle), scale * torch.sin(angle)
        side = torch.where(flip, -1.0, 1.0)
        linear = torch.stack([side * cosine, -sine, side * sine, cosine], 1).view(-1, 2, 2)
        centre = (size - 1) / 2
        offset = centre + shift * size - linear.sum(2) * (centre + self.margin)
        return torch.cat([linear, offset[:, :, None]], dim=2), flip, angle

    def warp(self, images: Tensor, matrix: Tensor) -> Tensor:
        """Crops [B, 3, size, size] in grey levels that `matrix` cuts out; black outside."""
        side = images.shape[1]
        linear, offset = matrix[:, :, :2], matrix[:, :, 2]
        a, b, c, d = linear.reshape(-1, 4).unbind(1)
        inverse = torch.stack([d, -b, -c, a], 1).view(-1, 2, 2) / (a * d - b * c)[:, None, None]
        y, x = torch.meshgrid(self._pixels, self._pixels, indexing="ij")
        targets = torch.stack([x, y], -1).view(1, -1, 2) - offset[:, None]
        sources = torch.einsum("bij,bpj->bpi", inverse, targets)
        grid = ((2 * sources + 1) / side - 1).view(-1, self.size, self.size, 2)
        pictures = images.permute(0, 3, 1, 2).float()
        warped = F.grid_sample(pictures, grid, "bilinear", "zeros", align_corners=False)
        return warped.round()

    def move(self, landmarks: Tensor, matrix: Tensor) -> Tensor:
        """Landmarks [B, P, 2] in crop units carried along by `matrix`; numbers unchanged."""
        pixels = landmarks * self.size + (self.margin - 0.5)
        moved = torch.einsum("bij,bpj->bpi", matrix[:, :, :2], pixels) + matrix[:, None, :, 2]
        return (moved + 0.5) / self.size

    def _vary_values(
        self, crops: Tensor, draws: Tensor, generator: torch.Generator | None
    ) -> Tensor:
        """Tone, grey, blur, noise and JPEG. draws: [B, 15]."""
        p = self.params
        contrast = 1.0 + p.contrast * even(draws[:, 0])
        brightness = 255.0 * p.brightness * even(draws[:, 1])
        gains = contrast[:, None] * (1.0 + p.colour * even(draws[:, 2:5]))
        shift = 127.5 * (1.0 - gains) + brightness[:, None]
        crops = levels(crops * gains[:, :, None, None] + shift[:, :, None, None])
        if p.grey:
            grey = (crops * self._grey).sum(1, keepdim=True).round().expand_as(crops)
            crops = torch.where(chosen(draws[:, 5] < p.grey), grey, crops)
        if p.blur:
            blurred = levels(self._blur(crops, p.blur_sigma * draws[:, 7]))
            crops = torch.where(chosen(draws[:, 6] < p.blur), blurred, crops)
        if p.noise:
            noise = self._normal(crops, generator) * (p.noise_std * draws[:, 9]).view(-1, 1, 1, 1)
            crops = torch.where(chosen(draws[:, 8] < p.noise), levels(crops + noise), crops)
        if p.jpeg:
            quality = (20 + 51 * draws[:, 11]).floor()
            crops = torch.where(
                chosen(draws[:, 10] < p.jpeg), levels(self.compress(crops, quality)), crops
            )
        return crops

    def _normal(self, like: Tensor, generator: torch.Generator | None) -> Tensor:
        return torch.randn(like.shape, device=self.device, generator=generator)

    def _blur(self, crops: Tensor, sigma: Tensor) -> Tensor:
        """Gaussian blur with a standard deviation for each face, pixels [B]; reflected borders."""
        reach = max(1, math.ceil(2.0 * self.params.blur_sigma))
        taps = torch.arange(-reach, reach + 1, device=self.device)
        kept = taps.abs() <= torch.ceil(2.0 * sigma)[:, None]
        weights = torch.exp(-0.5 * (taps / sigma.clamp(min=1e-3)[:, None]) ** 2) * kept
        weights = (weights / weights.sum(1, keepdim=True)).T.reshape(2 * reach + 1, -1, 1, 1, 1)
        for dimension, padding in ((3, (reach, reach, 0, 0)), (2, (0, 0, reach, reach))):
            padded = F.pad(crops, padding, mode="reflect")
            shifted = padded.unfold(dimension, self.size, 1)
            # unfold puts the window last: move the taps first and the window where it was.
            parts = shifted.movedim(dimension, 0)
            parts = parts if dimension == 3 else parts.transpose(-1, -2)
            crops = (parts * weights).sum(0)
        return crops

    def compress(self, crops: Tensor, quality: Tensor) -> Tensor:
        """What JPEG of a quality (1..99, [B]) with halved chrominance leaves of crops [B,3,S,S]."""
        block, side = JPEG_BLOCK, self.size
        scale = torch.where(quality < 50, 5000 / quality, 200 - 2 * quality) / 100
        tables = (self._jpeg_tables * scale.view(-1, 1, 1, 1) + 0.5).floor().clamp(1, 255)
        blue, green, red = crops.unbind(1)
        luminance = 0.114 * blue + 0.587 * green + 0.299 * red
        planes = [luminance, 0.564 * (blue - luminance) + 128, 0.713 * (red - luminance) + 128]
        kept = []
        for number, plane in enumerate(planes):
            small = (
                plane[:, None] if number == 0 else F.avg_pool2d(plane[:, None], 2, ceil_mode=True)
            )
            inner = small.shape[-1]
            extra = -inner % block
            padded = F.pad(small, (0, extra, 0, extra), mode="replicate")
            count = (inner + extra) // block
            tiles = padded.reshape(-1, count, block, count, block).transpose(2, 3) - 128
            table = tables[:, number, None, None]
            coefficients = (self._dct @ tiles @ self._dct.T / table).round() * table
            restored = (self._dct.T @ coefficients @ self._dct + 128).round().clamp(0, 255)
            plane = restored.transpose(2, 3).reshape(-1, 1, inner + extra, inner + extra)
            plane = plane[:, :, :inner, :inner]
            if number:
                plane = F.interpolate(plane, scale_factor=2.0, mode="bilinear")
            kept.append(plane[:, 0, :side, :side])
        luminance, blue_part, red_part = kept[0], kept[1] - 128, kept[2] - 128
        blue, red = luminance + 1.772 * blue_part, luminance + 1.402 * red_part
        green = luminance - 0.344136 * blue_part - 0.714136 * red_part
        return torch.stack([blue, green, red], dim=1)

    def _occlude(self, crops: Tensor, draws: Tensor, generator: torch.Generator | None) -> Tensor:
        """Lay one or two rectangles over the crop: a colour, noise, or another part of the crop.

        draws: [B, 12 * RECTANGLES].
        """
        p, size = self.params, self.size
        if not p.occlude:
            return crops
        hidden, rows = draws[:, 0] < p.occlude, self._pixels
        for number in range(RECTANGLES):
            d = draws[:, 12 * number : 12 * (number + 1)]
            # The second rectangle is there in half of the cases.
            active = hidden if number == 0 else hidden & (d[:, 11] < 0.5)
            extent = (size * p.occlude_side * (0.2 + 0.8 * d[:, 1:3])).round().clamp(1, size)
            corner = (d[:, 3:5] * (size - extent + 1)).floor()
            inside = (rows >= corner[:, :, None]) & (rows < (corner + extent)[:, :, None])
            covered = inside[:, 0, :, None] & inside[:, 1, None, :]
            source = (d[:, 5:7] * (size - extent + 1)).floor()
            place = (rows - corner[:, :, None] + source[:, :, None]).clamp(0, size - 1).long()
            flat = (place[:, 0, :, None] * size + place[:, 1, None, :]).view(-1, 1, size * size)
            part = crops.flatten(2).gather(2, flat.expand(-1, 3, -1)).view_as(crops)
            colour = (256 * d[:, 7:10]).floor()[:, :, None, None].expand_as(crops)
            noise = levels(128 + 32 * self._normal(crops, generator))
            kind = (3 * d[:, 10]).view(-1, 1, 1, 1)
            cover = torch.where(kind < 1, colour, torch.where(kind < 2, noise, part))
            crops = torch.where((covered & active[:, None, None])[:, None], cover, crops)
        return crops


def even(draws: Tensor) -> Tensor:
    """Draws in 0..1 spread evenly over -1..1."""
    return 2.0 * draws - 1.0


def levels(values: Tensor) -> Tensor:
    """Values as grey levels: rounded, within 0..255."""
    return values.round().clamp(0, 255)


def chosen(faces: Tensor) -> Tensor:
    """A bool for each face [B] as [B, 1, 1, 1]."""
    return faces.view(-1, 1, 1, 1)
