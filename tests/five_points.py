"""The shipped net of 68 points with five of them alone: a scheme of one's own."""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from fbnet.export.onnx import with_metadata
from fbnet.landmarks import Scheme
from fbnet.predict.interface import describe
from fbnet.predict.landmarker import SHIPPED

CHOSEN = np.array([36, 45, 30, 48, 54])
"""Which of the 68 points they are; they fill half of a face's square."""
SCHEME = Scheme(5, "five", (0, 1), (1, 0, 2, 4, 3), (), {})


def five_points() -> bytes:
    """The net as an ONNX file; its crops are 2.2 times the points' box."""
    whole = onnx.load(SHIPPED[68])
    graph = whole.graph
    graph.output[0].name = "five"
    graph.output[0].type.tensor_type.shape.dim[1].dim_value = SCHEME.points
    graph.initializer.append(numpy_helper.from_array(CHOSEN, "chosen"))
    graph.node.append(helper.make_node("Gather", ["landmarks", "chosen"], ["five"], axis=1))
    stated = describe(size=112, scheme=SCHEME, crop_scale=2.2, choice=[])
    return with_metadata(whole.SerializeToString(), stated)
