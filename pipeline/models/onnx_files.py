"""Recognition networks that come as ONNX files: their graphs are rewritten to take batches of any size."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.models.runtime import ModelUnavailable
from pipeline.registry import Scaling


def batched_graph(data: bytes, scaling: Scaling) -> bytes:
    """Rewrite a stored graph with input (1, 3, h, w) to take uint8 RGB (n, h, w, 3) and give (n, length).

    The scaling becomes part of the graph. Raises `ModelUnavailable` where the file is not an ONNX graph with one image
    input and one vector output.
    """
    import onnx

    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's DecodeError, whose home differs between its versions
        raise ModelUnavailable("the file is not an ONNX model") from error
    graph = model.graph
    if len(graph.input) != 1 or len(graph.output) != 1:
        raise ModelUnavailable("the ONNX model does not have one input and one output")
    sides = [axis.dim_value for axis in graph.input[0].type.tensor_type.shape.dim]
    if len(sides) != 4 or sides[1] != 3 or not all(sides[2:]):
        raise ModelUnavailable("the ONNX model's input is not an image of three channels")
    _free_reshapes(graph)
    graph.output[0].type.tensor_type.shape.dim[0].dim_param = "n"
    _prepend_scaling(graph, sides[2], sides[3], scaling)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _free_reshapes(graph: Any) -> None:
    """Let every Reshape whose target begins with a batch of 1 keep the batch that comes in (0 copies an axis)."""
    from onnx import numpy_helper

    graph_nodes, initializers = graph.node, graph.initializer
    targets = {node.input[1] for node in graph_nodes if node.op_type == "Reshape"}
    stored = [(tensor.name, tensor) for tensor in initializers]
    stored += [(n.output[0], n.attribute[0].t) for n in graph_nodes if n.op_type == "Constant"]
    for name, tensor in stored:
        shape = numpy_helper.to_array(tensor) if name in targets else None
        if shape is not None and shape.ndim == 1 and len(shape) and shape[0] == 1:
            tensor.CopyFrom(numpy_helper.from_array(np.array([0, *shape[1:]], np.int64), tensor.name))


def _prepend_scaling(graph: Any, height: int, width: int, scaling: Scaling) -> None:
    from onnx import TensorProto, helper

    old = graph.input[0].name
    nodes = [
        helper.make_node("Transpose", ["pixels"], ["fa_planes"], perm=[0, 3, 1, 2]),  # of bytes: a quarter to move
        helper.make_node("Cast", ["fa_planes"], ["fa_float"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["fa_float", "fa_middle"], ["fa_centred"]),
        helper.make_node("Div", ["fa_centred", "fa_spread"], [old]),
    ]
    for name, values in (("fa_middle", scaling.mean), ("fa_spread", scaling.spread)):
        graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, [3, 1, 1], values))
    kept = [*nodes, *graph.node]
    del graph.node[:]
    graph.node.extend(kept)
    del graph.input[:]
    shape = ["n", height, width, 3]
    graph.input.append(helper.make_tensor_value_info("pixels", TensorProto.UINT8, shape))
