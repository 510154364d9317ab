"""What is known of the official weights: where they lie and what they must hash to."""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class OfficialWeights:
    """One official weights file of torchvision.

    enum: its name in torchvision. sha256: of the whole .pth file, 64 hex digits; the file name
    carries the first eight. megabytes: size of the .pth file in MiB, as torchvision states it.
    """

    enum: str
    url: str
    sha256: str
    megabytes: float
    licence: str = "BSD-3-Clause"

    @property
    def file_name(self) -> str:
        """The official name of the file."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class ShippedFile:
    """A file of the package that holds weights; read only when its hash is this."""

    name: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return FOLDER / self.name


OFFICIAL = {
    "mobilenet_v2": OfficialWeights(
        enum="MobileNet_V2_Weights.IMAGENET1K_V1",
        url="https://download.pytorch.org/models/mobilenet_v2-b0353104.pth",
        sha256="b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        megabytes=13.555,
    ),
    "mobilenet_v3_small": OfficialWeights(
        enum="MobileNet_V3_Small_Weights.IMAGENET1K_V1",
        url="https://download.pytorch.org/models/mobilenet_v3_small-047dcff4.pth",
        sha256="047dcff4addef86ea5bc2eff13c9614dc11f47ab1160d0a71a25e7db994f4e1f",
        megabytes=9.829,
    ),
    "mobilenet_v3_large": OfficialWeights(
        enum="MobileNet_V3_Large_Weights.IMAGENET1K_V2",
        url="https://download.pytorch.org/models/mobilenet_v3_large-5c1a4163.pth",
        sha256="5c1a416349c4cf298f2a6a5e2600ed0ee55e604713578f5e74e6bc8bcaef7997",
        megabytes=21.107,
    ),
}

# The one model that comes with the package; tools/build_weights.py makes all three files.
SHIPPED_MODEL = "mobilenet_v2"
SHIPPED_STATE = ShippedFile(
    "mobilenet_v2.safetensors",
    "be3534eab2a7ad16d91fbd299afdf63e12dd2a20062577a1b63d91f9ef6d1510",
)
SHIPPED_GRAPH = ShippedFile(
    "mobilenet_v2.onnx",
    "0c517af6754b20244097a43bbc1e17ea9523cfc5e7845e15c663754098b703f2",
)
# By which the last map becomes a photo's local map; it is part of the graph.
SHIPPED_PROJECTION = ShippedFile(
    "local_maps.safetensors", "be8b550bf69787e34dddc1130b2147e43ccee7a559182c845000465b1157fbac"
)
SHIPPED_GOLDEN = ShippedFile(
    "golden.safetensors",
    "91be3d316c3e059b692ce71559862c95a50aefc24884bf0e426744ecee9c467d",
)
