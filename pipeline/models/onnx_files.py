"""Recognition networks that come as ONNX files, rewritten to take batches of pixels."""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.models import graph
from pipeline.models.runtime import Array, ModelUnavailable, engine, library, read_network
from pipeline.registry import Scaling


def image_network(file: Path, scaling: Scaling) -> Any:
    """Read a network with input (1, 3, h, w) to take uint8 RGB (n, h, w, 3) and give (n, length).

    The scaling becomes part of the network. Raises `ModelUnavailable` where the file does not hold a network with one
    image input and one vector output.
    """
    _read_block_quantised()
    model = read_network(file)
    for unused in [one for one in model.get_parameters() if not one.output(0).get_target_inputs()]:
        model.remove_parameter(unused)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelUnavailable(f"{file.name} does not have one input and one output")
    shape = model.input(0).get_partial_shape()
    if shape.rank.is_dynamic or len(shape) != 4 or shape[1] != 3 or shape[2].is_dynamic or shape[3].is_dynamic:
        raise ModelUnavailable(f"{file.name} does not take an image of three channels")
    _free_batch(model)
    model.reshape([-1, 3, shape[2], shape[3]])
    return _taking_pixels(model, scaling)


def _free_batch(model: Any) -> None:
    """Let every Reshape whose target begins with a batch of 1 keep the batch that comes in (0 copies an axis)."""
    for node in model.get_ordered_ops():
        target = node.input_value(1).get_node() if node.get_type_name() == "Reshape" else None
        if target is not None and target.get_type_name() == "Constant" and list(target.data.reshape(-1)[:1]) == [1]:
            free = graph.constant(np.array([0, *target.data[1:]], np.int64))
            node.input(1).replace_source_output(free.output(0))


def _taking_pixels(model: Any, scaling: Scaling) -> Any:
    openvino = library()
    steps = openvino.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    scaled = steps.input().preprocess().convert_element_type(openvino.Type.f32)
    scaled.mean(list(scaling.mean)).scale(list(scaling.spread))
    return steps.build()


@cache
def _read_block_quantised() -> None:
    """Teach the engine to read weights quantised in blocks of which the last is not whole: alone it refuses them."""
    onnx = import_module("openvino.frontend.onnx")
    engine().add_extension(onnx.ConversionExtension("DequantizeLinear", "", _dequantised))


def _dequantised(node: Any) -> Sequence[Any]:
    """Return the constant that ONNX's DequantizeLinear gives for constant inputs: (values - zeros) * scales."""
    values, *rest = (node.get_input(number).get_node().data for number in range(node.get_input_size()))
    axis, block = int(node.get_attribute("axis", 1)), int(node.get_attribute("block_size", 0))
    scales, *zeros = (_spread(one, values, axis, block) for one in rest)
    shifted = values.astype(np.float32) - (zeros[0].astype(np.float32) if zeros else np.float32(0))
    return [graph.constant(shifted * scales).output(0)]


def _spread(one: Array, values: Array, axis: int, block: int) -> Array:
    """Return a scale for each value, from one for all, one for each place along `axis`, or one for each block of it."""
    if block:
        return np.repeat(one, block, axis=axis).take(range(values.shape[axis]), axis=axis)
    return one.reshape([-1 if at == axis else 1 for at in range(values.ndim)]) if one.size > 1 else one
