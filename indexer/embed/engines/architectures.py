"""The three architectures and what is known of each without building it."""

from dataclasses import dataclass

from ....errors import UsageError


@dataclass(frozen=True, slots=True)
class Architecture:
    """One of torchvision's MobileNets, up to its pooled features.

    last_block: channels of the last block. widening: how many times as many the last convolution
    has; 0 where that number is fixed. parameters, multiply_adds: of the layers up to the pooled
    features, at width 1; multiply_adds for an input of 224x224. resize: length of the short side
    before the crop of 224 in the preset of the official weights.
    """

    name: str
    last_block: int
    widening: int
    parameters: int
    multiply_adds: int
    resize: int

    def dim(self, width_mult: float = 1.0) -> int:
        """Return the length of an embedding."""
        if self.widening:
            return self.widening * _divisible(self.last_block * width_mult)
        return _divisible(1280 * max(1.0, width_mult))

    def multiply_adds_at(self, size: int) -> int:
        """Return the multiply-adds for an input with the area of size x size.

        In proportion to the area: the convolutions, which is all but 1 % of them, are.
        """
        return round(self.multiply_adds * (size / 224) ** 2)

    def resize_for(self, size: int) -> int:
        """Return the length of the short side before a crop of `size`, in the preset's proportion."""
        return round(size * self.resize / 224)


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture("mobilenet_v2", 320, 0, 2_223_872, 299_494_272, 256),
        Architecture("mobilenet_v3_small", 96, 6, 927_008, 54_896_576, 256),
        Architecture("mobilenet_v3_large", 160, 6, 2_971_952, 214_080_960, 232),
    )
}


def architecture(name: str) -> Architecture:
    """Return the architecture of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in ARCHITECTURES:
        raise UsageError(f"no model named {name!r}; there are {', '.join(ARCHITECTURES)}, and onnx:FILE")
    return ARCHITECTURES[name]


def _divisible(channels: float, by: int = 8) -> int:
    """Return the multiple of 8 nearest to `channels`, never below 90 % of it, as torchvision does."""
    rounded = max(by, int(channels + by / 2) // by * by)
    return rounded + by if rounded < 0.9 * channels else rounded
