"""Does the map name what the network uses? Measures that change pixels and ask the network again.

Each is a function (predict, images (N, H, W, C), maps (N, h, w), targets (N,)) -> Values, where
`predict` takes float32 images and gives logits (N, K). Maps are raw: where pixels are ranked, they
are ranked by the map as it is, enlarged; where a map multiplies the image, its positive part does,
divided by its maximum. A map that is non-finite, flat or nowhere positive names nothing and is
undefined; of these, only the multiplying measures know a constant positive map: it keeps all.

A network that stands occlusion well scores well under every map. To compare networks, read these
measures relative to maps that know nothing, on the same network: `relative_to_nulls`.
"""

from campare.metrics.faithfulness.average_drop import adcc, average_drop, average_gain, increase
from campare.metrics.faithfulness.controls import DECLARED, relative_to_nulls
from campare.metrics.faithfulness.flipping import comprehensiveness, pixel_flipping, sufficiency
from campare.metrics.faithfulness.infidelity import infidelity
from campare.metrics.faithfulness.insertion_deletion import deletion, insertion, insertion_deletion
from campare.metrics.faithfulness.irof import irof
from campare.metrics.faithfulness.road import road, road_least_first, road_most_first
from campare.metrics.metric import Predict

__all__ = [
    "DECLARED",
    "Predict",
    "adcc",
    "average_drop",
    "average_gain",
    "comprehensiveness",
    "deletion",
    "increase",
    "infidelity",
    "insertion",
    "insertion_deletion",
    "irof",
    "pixel_flipping",
    "relative_to_nulls",
    "road",
    "road_least_first",
    "road_most_first",
    "sufficiency",
]
