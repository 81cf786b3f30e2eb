"""Whole networks in compiled code against onnxruntime, and the graphs that are left to it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from pipeline.models.compiled.network import CompiledNetwork
from pipeline.models.compiled.reading import NotCompilableError, read_network
from pipeline.models.graph import GraphBuilder
from pipeline.models.runtime import OnnxRunner

Array = np.ndarray[Any, Any]


class Writer:
    """Writes a random network, layer by layer, whose numbers stay near one."""

    def __init__(self, side: int = 24, dtype: type = np.float32) -> None:
        self.builder = GraphBuilder("random")
        self.random = np.random.default_rng(7)
        given = self.builder.input("pixels", dtype, ("n", side, side, 3))
        self.start = self.builder.node("Transpose", given, perm=[0, 3, 1, 2])
        if dtype is not np.float32:
            self.start = self.builder.node("Cast", self.start, to=1)

    def numbers(self, *shape: int) -> Array:
        return self.random.normal(size=shape).astype(np.float32)

    def constant(self, array: Array) -> str:
        return self.builder.constant(array.astype(np.float32))

    def conv(self, x: str, channels: int, filters: int, size: int = 3, bias: bool = False, **attributes: Any) -> str:
        kernel = self.constant(self.numbers(filters, channels, size, size) / (size * channels**0.5))
        offsets = [self.constant(self.numbers(filters))] if bias else []
        return self.builder.node("Conv", x, kernel, *offsets, **attributes)

    def normalised(self, x: str, channels: int) -> str:
        parts = [self.numbers(channels) * 0.1 + one for one in (1.0, 0.0, 0.0)]
        parts.append(self.random.uniform(0.5, 2, channels))
        return self.builder.node("BatchNormalization", x, *(self.constant(part) for part in parts), epsilon=1e-3)

    def prelu(self, x: str, channels: int) -> str:
        return self.builder.node("PRelu", x, self.constant(self.random.uniform(-0.5, 0.5, (channels, 1, 1))))

    def node(self, *arguments: str, **attributes: Any) -> str:
        return self.builder.node(*arguments, **attributes)

    def end(self, x: str, numbers: int, length: int = 12) -> bytes:
        value = self.node("Gemm", self.node("Flatten", x), self.constant(self.numbers(length, numbers) / numbers**0.5),
                          self.constant(self.numbers(length)), transB=1)  # fmt: skip
        return self.finish(value, length)

    def finish(self, value: str, length: int = 12) -> bytes:
        self.builder.output(value, "out", np.float32, ("n", length))
        return self.builder.build()


def improved_resnet() -> bytes:
    """Write blocks of the kind of insightface: a normalisation first, so that borders differ from the middle."""
    net = Writer()
    x = net.prelu(net.normalised(net.conv(net.start, 3, 16, pads=[1] * 4), 16), 16)
    for stride in (2, 1):
        path = net.normalised(x, 16)
        path = net.prelu(net.normalised(net.conv(path, 16, 16, pads=[1] * 4), 16), 16)
        path = net.normalised(net.conv(path, 16, 16, pads=[1] * 4, strides=[stride] * 2), 16)
        if stride == 2:
            x = net.normalised(net.conv(x, 16, 16, size=1, strides=[2, 2]), 16)
        x = net.node("Add", path, x)
    return net.end(net.node("Dropout", net.normalised(x, 16)), 16 * 12 * 12)


def scaled_resnet() -> bytes:
    """Write what our own translations write: constants that multiply and add, `Max` for slopes, means at the end."""
    net = Writer(dtype=np.uint8)
    x = net.node("Sub", net.start, net.constant(np.full((3, 1, 1), 127.5)))
    x = net.node("Div", x, net.constant(np.array([[[50.0]], [[60.0]], [[70.0]]])))
    x = net.conv(x, 3, 16, size=7, bias=True, strides=[2, 2])
    x = net.node("MaxPool", net.node("Relu", x), kernel_shape=[3, 3], strides=[2, 2])
    small = net.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    wide = net.node("Pad", small, net.builder.constant(np.array([0, 0, 0, 0, 0, 16, 0, 0], np.int64)))
    path = net.node("Mul", net.conv(x, 16, 32, strides=[2, 2], auto_pad="VALID"), net.constant(net.numbers(32, 1, 1)))
    path = net.node("Add", path, net.constant(net.numbers(32, 1, 1)))
    path = net.node("Max", path, net.node("Mul", path, net.constant(net.random.uniform(0, 1, (32, 1, 1)))))
    path = net.conv(path, 32, 32, pads=[1] * 4, bias=True)
    path = net.node("Pad", path, net.builder.constant(np.array([0, 0, 0, 0, 0, 0, 1, 1], np.int64)))
    x = net.node("Relu", net.node("Sum", path, wide))
    x = net.node("MatMul", net.node("Flatten", net.node("GlobalAveragePool", x)), net.constant(net.numbers(32, 12)))
    x = net.node("Mul", net.node("Add", x, net.constant(net.numbers(12))), net.constant(net.numbers(12)))
    return net.finish(net.node("Identity", x))


def tangled_resnet() -> bytes:
    """Write a shortcut over three convolutions, and a convolution whose pictures are added twice."""
    net = Writer()
    first = net.node("Relu", net.conv(net.start, 3, 16, pads=[1] * 4))
    x = first
    for _ in range(3):
        x = net.node("Relu", net.conv(x, 16, 16, pads=[1] * 4))
    x = net.conv(x, 16, 16, pads=[1] * 4)
    x = net.node("Relu", net.node("Add", net.node("Add", x, first), x))
    return net.end(x, 16 * 24 * 24)


NETWORKS = {
    "improved": (improved_resnet, np.float32, 24),
    "scaled": (scaled_resnet, np.uint8, 24),
    "tangled": (tangled_resnet, np.float32, 24),
}


def pictures(count: int, dtype: Any, side: int) -> Array:
    if dtype is np.uint8:
        return np.random.default_rng(1).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    return np.random.default_rng(1).normal(size=(count, side, side, 3)).astype(np.float32)


@pytest.mark.parametrize("count", [1, 2, 5, 19])
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_network_gives_what_onnxruntime_gives(kind: str, count: int) -> None:
    write, dtype, side = NETWORKS[kind]
    graph, given = write(), pictures(count, dtype, side)
    ours = CompiledNetwork(graph)({"pixels": given})[0]
    theirs = OnnxRunner(graph)({"pixels": given})[0]
    assert ours.shape == (count, 12)
    assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()


def test_the_input_may_be_scaled_on_the_way_in() -> None:
    graph, given = improved_resnet(), pictures(2, np.uint8, 24)
    scaled = CompiledNetwork(graph, factor=1 / 255)({"pixels": given})[0]
    theirs = OnnxRunner(graph)({"pixels": (given / 255).astype(np.float32)})[0]
    assert np.abs(scaled - theirs).max() <= 1e-4 * np.abs(theirs).max()


def test_a_row_is_the_same_whoever_stands_beside_it() -> None:
    network, given = CompiledNetwork(improved_resnet()), pictures(16, np.float32, 24)
    together = network({"pixels": given})[0]
    turned = network({"pixels": given[::-1]})[0][::-1]
    assert np.array_equal(together, turned)


def test_calls_from_several_threads_do_not_touch_one_another() -> None:
    network = CompiledNetwork(improved_resnet())
    given = [pictures(16, np.float32, 24) + number for number in range(4)]
    alone = [network({"pixels": one})[0] for one in given]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda one: network({"pixels": one})[0], given * 5))
    assert all(np.array_equal(one, alone[number % 4]) for number, one in enumerate(together))


def test_what_comes_after_a_larger_call_is_not_touched_by_it() -> None:
    network, given = CompiledNetwork(scaled_resnet()), pictures(16, np.uint8, 24)
    before = network({"pixels": given[:2]})[0]
    network({"pixels": given})
    assert np.array_equal(network({"pixels": given[:2]})[0], before)


@pytest.mark.parametrize("shape", [(0, 24, 24, 3), (1, 23, 24, 3), (1, 1, 1, 3), (24, 24, 3)])
def test_pictures_of_another_size_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="takes one or more pictures of"):
        CompiledNetwork(improved_resnet())({"pixels": np.zeros(shape, np.float32)})


def refused(write: Callable[[Writer], str]) -> bytes:
    net = Writer()
    return net.end(write(net), 16)


def grouped(net: Writer) -> str:
    return net.conv(net.conv(net.start, 3, 16), 1, 16, group=16)


def odd_filters(net: Writer) -> str:
    return net.conv(net.start, 3, 20)


def dilated(net: Writer) -> str:
    return net.conv(net.start, 3, 16, dilations=[2, 2])


def same_padding(net: Writer) -> str:
    return net.conv(net.start, 3, 16, auto_pad="SAME_UPPER")


def uneven_padding(net: Writer) -> str:
    return net.conv(net.start, 3, 16, pads=[0, 0, 1, 1])


def uneven_stride(net: Writer) -> str:
    return net.conv(net.start, 3, 16, strides=[1, 2])


def joined(net: Writer) -> str:
    return net.node("Concat", net.conv(net.start, 3, 16), net.conv(net.start, 3, 16), axis=1)


def slopes_of_the_input(net: Writer) -> str:
    return net.node("Relu", net.start)


def looked_at_before_its_slopes(net: Writer) -> str:
    x = net.conv(net.start, 3, 16, pads=[1] * 4)
    return net.node("Add", net.node("Relu", x), net.conv(x, 16, 16, pads=[1] * 4))


def larger_of_two(net: Writer) -> str:
    return net.node("Max", net.conv(net.start, 3, 16), net.conv(net.start, 3, 16))


def shifted_sum(net: Writer) -> str:
    x = net.node("Relu", net.conv(net.start, 3, 16, pads=[1] * 4))
    return net.node("Add", net.conv(x, 16, 16, pads=[1] * 4), net.node("Add", x, net.constant(np.ones((16, 1, 1)))))


def rounded_up(net: Writer) -> str:
    x = net.conv(net.start, 3, 16)
    return net.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)


def foreign_kernel(net: Writer) -> str:
    return net.conv(net.start, 5, 16)


def larger_than_the_picture(net: Writer) -> str:
    return net.conv(net.start, 3, 16, size=25)


def pooled_beyond_the_picture(net: Writer) -> str:
    return net.node("MaxPool", net.conv(net.start, 3, 16), kernel_shape=[23, 23], strides=[1, 1])


def steep(net: Writer) -> str:
    x = net.conv(net.start, 3, 16)
    return net.node("Max", x, net.node("Mul", x, net.constant(np.full((16, 1, 1), 1.5))))


def convolved_mean(net: Writer) -> str:
    return net.conv(net.node("GlobalAveragePool", net.conv(net.start, 3, 16)), 16, 16, size=1)


def along_the_width(net: Writer) -> str:
    x = net.conv(net.start, 3, 16, size=9)  # 16 pixels wide, with 16 channels
    return net.node("Mul", x, net.constant(np.arange(16.0)))


def whole_numbers(net: Writer) -> str:
    return net.node("Cast", net.conv(net.start, 3, 16), to=7)


def cropped(net: Writer) -> str:
    ends = net.builder.constant(np.array([0, 0, -1, -1, 0, 0, -1, -1], np.int64))
    return net.conv(net.node("Pad", net.start, ends), 3, 16)


REFUSED = [
    (grouped, "a convolution of another kind"),
    (odd_filters, "not a multiple of 16"),
    (dilated, "a convolution of another kind"),
    (same_padding, "as far as the size makes necessary"),
    (uneven_padding, "negative pads, or different ones"),
    (uneven_stride, "negative strides, or different ones"),
    (joined, "a Concat"),
    (slopes_of_the_input, "slopes elsewhere"),
    (looked_at_before_its_slopes, "before its slopes"),
    (larger_of_two, "the larger of two pictures"),
    (shifted_sum, "adds what is not two pictures"),
    (rounded_up, "a pooling of another kind"),
    (foreign_kernel, "kernel does not fit"),
    (larger_than_the_picture, "windows that do not fit"),
    (pooled_beyond_the_picture, "windows that do not fit"),
    (cropped, "the same zeros on all sides"),
    (steep, "slopes above 1"),
    (convolved_mean, "a Conv of a vector"),
    (along_the_width, "along other axes"),
    (whole_numbers, "other numbers than float32"),
]


@pytest.mark.parametrize(("write", "why"), REFUSED, ids=[write.__name__ for write, _ in REFUSED])
def test_what_is_not_understood_is_left_to_another_engine(write: Callable[[Writer], str], why: str) -> None:
    with pytest.raises(NotCompilableError, match=why):
        read_network(refused(write))


def test_a_network_without_a_matrix_at_its_end_is_left_to_another_engine() -> None:
    net = Writer(side=3)
    graph = net.finish(net.node("Flatten", net.conv(net.start, 3, 16)), 16)
    with pytest.raises(NotCompilableError, match="does not end with a dense layer"):
        read_network(graph)


def test_bytes_that_are_no_graph_are_refused() -> None:
    with pytest.raises(NotCompilableError, match="not an ONNX model"):
        read_network(b"\xff" * 40)
