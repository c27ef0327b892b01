"""A graph of layers with its weights as an ONNX network, one node for a layer.

Some layers can be written in several forms that compute the same; which is fastest hangs on the
machine (`frugally.fit.vision.forms` measures).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from frugally.errors import NetError
from frugally.fit.vision.channel_layout import Selection
from frugally.fit.vision.weights import Weights
from frugally.nets.vision.graph import INPUT, Graph, Node
from frugally.nets.vision.layers import (
    Activation,
    Add,
    BatchNorm,
    Channels,
    ChannelShuffle,
    Concatenation,
    Convolution,
    Dropout,
    Flatten,
    GlobalAverage,
    Linear,
    LocalResponseNorm,
    PadChannels,
    Pool,
    Scale,
)

# Understood by onnxruntime 1.20, the oldest that frugally accepts.
_OPSET = 17
_IR_VERSION = 8
OUTPUT = "scores"

CONVOLUTION_FORMS = ("conv", "product", "split")
RESPONSE_NORM_FORMS = ("norm", "convolution")


def onnx_model(graph: Graph, weights: Weights, forms: Mapping[str, str] | None = None) -> bytes:
    """The network as ONNX: `image` (N, channels, height, width) float32 to `scores` (N, classes).

    Any batch N, but the height and width of `graph` alone. `forms` names, for a node, the form to
    write it in, otherwise the first of those there are:

    - a convolution: "conv"; "product", for pointwise ones, one batched matrix product over the
      groups; "split", one convolution for each group, side by side;
    - a local response norm: "norm"; "convolution", a pointwise one that sums the squares.

    The same arguments give the same bytes.

    Raises:
        NetError: a weight is missing or has another shape, or a form does not fit its node.
    """
    writer = _Writer(graph, weights, forms or {})
    for node in graph.nodes:
        writer.write(node)
    return writer.finished()


class _Writer:
    def __init__(self, graph: Graph, weights: Weights, forms: Mapping[str, str]) -> None:
        self._graph, self._weights, self._forms = graph, weights, forms
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._known: set[str] = set()
        self._alias: dict[str, str] = {}

    def finished(self) -> bytes:
        last = self._graph.nodes[-1].name
        self._op("Identity", OUTPUT, self._name(last))
        number = TensorProto.FLOAT
        model = helper.make_model(
            helper.make_graph(
                self._nodes,
                self._graph.name,
                [helper.make_tensor_value_info(INPUT, number, ("N", *self._graph.input))],
                [helper.make_tensor_value_info(OUTPUT, number, ("N", *self._graph.output))],
                self._constants,
            ),
            opset_imports=[helper.make_opsetid("", _OPSET)],
            producer_name="frugally",
        )
        model.ir_version = _IR_VERSION
        return bytes(model.SerializeToString(deterministic=True))

    def write(self, node: Node) -> None:
        layer, name = node.layer, node.name
        inputs = [self._name(one) for one in node.inputs]
        match layer:
            case Convolution():
                self._convolution(node, layer, inputs[0])
            case Linear():
                arrays = [self._weight(name, key) for key in layer.weights(*self._given(node))]
                self._op("Gemm", name, *inputs, *arrays, transB=1)
            case BatchNorm():
                keys = ("scale", "bias", "mean", "variance")
                arrays = [self._weight(name, key) for key in keys]
                self._op("BatchNormalization", name, *inputs, *arrays, epsilon=layer.epsilon)
            case Activation():
                self._activation(layer.kind, name, inputs[0])
            case ChannelShuffle():
                self._shuffle(node, layer, inputs[0])
            case Selection():
                self._op("Gather", name, *inputs, self._integers(f"{name}.places", *layer.places),
                         axis=1)  # fmt: skip
            case Pool():
                op = "MaxPool" if layer.kind == "max" else "AveragePool"
                counted = (
                    {} if layer.kind == "max" else {"count_include_pad": int(layer.padded_counts)}
                )
                self._op(
                    op, name, *inputs, kernel_shape=layer.kernel, strides=layer.stride,
                    pads=layer.padding, **counted,
                )  # fmt: skip
            case GlobalAverage():
                self._op("GlobalAveragePool", name, *inputs)
            case Flatten():
                self._op("Flatten", name, *inputs)
            case Channels():
                bounds = [self._integers(f"{name}.{n}", n) for n in (layer.start, layer.stop)]
                self._op("Slice", name, *inputs, *bounds, self._integers("axis", 1))
            case PadChannels():
                pads = self._integers(f"{name}.pads", 0, 0, 0, 0, 0, layer.count, 0, 0)
                self._op("Pad", name, *inputs, pads)
            case Add():
                self._op("Add" if len(inputs) == 2 else "Sum", name, *inputs)
            case Concatenation():
                self._op("Concat", name, *inputs, axis=1)
            case Scale():
                self._op("Mul", name, *inputs)
            case LocalResponseNorm():
                self._response_norm(node, layer, inputs[0])
            case Dropout():
                self._alias[name] = inputs[0]
            case _:
                raise NetError(f"{type(layer).__name__} cannot be written to ONNX")

    def _convolution(self, node: Node, layer: Convolution, x: str) -> None:
        form = self._forms.get(node.name, CONVOLUTION_FORMS[0])
        if form == "product" and is_pointwise(layer):
            self._product(node, layer, x)
        elif form == "split" and layer.groups > 1:
            self._split(node, layer, x)
        elif form == "conv":
            arrays = [self._weight(node.name, key) for key in layer.weights(*self._given(node))]
            self._conv(node.name, layer, x, *arrays, groups=layer.groups)
        else:
            raise NetError(f"{node.name} cannot be written as {form!r}")

    def _conv(self, name: str, layer: Convolution, *inputs: str, groups: int) -> str:
        return self._op(
            "Conv", name, *inputs, kernel_shape=layer.kernel, strides=layer.stride,
            pads=layer.padding, dilations=layer.dilation, group=groups,
        )  # fmt: skip

    def _product(self, node: Node, layer: Convolution, x: str) -> None:
        """(N, c, h, w) as (N, g, c / g, h w); weight (g, out / g, c / g) times it."""
        name, groups = node.name, layer.groups
        (channels, height, width) = self._given(node)[0]
        apart = self._integers(f"{name}.apart", 0, groups, channels // groups, height * width)
        x = self._op("Reshape", f"{name}.columns", x, apart)
        weight = self._array(f"{name}.weight").reshape(groups, layer.out // groups, -1)
        y = self._op("MatMul", f"{name}.product", self._constant(f"{name}.weight", weight), x)
        if layer.bias:
            bias = self._array(f"{name}.bias").reshape(groups, -1, 1)
            y = self._op("Add", f"{name}.sum", y, self._constant(f"{name}.bias", bias))
        together = self._integers(f"{name}.together", 0, layer.out, height, width)
        self._op("Reshape", name, y, together)

    def _split(self, node: Node, layer: Convolution, x: str) -> None:
        name, groups = node.name, layer.groups
        parts = [f"{name}.in{group}" for group in range(groups)]
        self._nodes.append(helper.make_node("Split", [x], parts, name=f"{name}.split", axis=1))
        arrays = {
            key: np.split(self._array(f"{name}.{key}"), groups)
            for key in layer.weights(*self._given(node))
        }
        made = []
        for group, part in enumerate(parts):
            given = [
                self._constant(f"{name}.{key}{group}", ones[group]) for key, ones in arrays.items()
            ]
            made.append(self._conv(f"{name}.out{group}", layer, part, *given, groups=1))
        self._op("Concat", name, *made, axis=1)

    def _shuffle(self, node: Node, layer: ChannelShuffle, x: str) -> None:
        name, (channels, height, width) = node.name, self._given(node)[0]
        apart = (0, layer.groups, channels // layer.groups, height, width)
        x = self._op("Reshape", f"{name}.groups", x, self._integers(f"{name}.apart", *apart))
        x = self._op("Transpose", f"{name}.turned", x, perm=[0, 2, 1, 3, 4])
        together = self._integers(f"{name}.together", 0, channels, height, width)
        self._op("Reshape", name, x, together)

    def _response_norm(self, node: Node, layer: LocalResponseNorm, x: str) -> None:
        name, form = node.name, self._forms.get(node.name, RESPONSE_NORM_FORMS[0])
        if form == "norm" and layer.size % 2:  # onnxruntime has no even ones
            self._op(
                "LRN", name, x, size=layer.size, alpha=layer.alpha, beta=layer.beta, bias=layer.bias
            )
            return
        if form not in RESPONSE_NORM_FORMS:
            raise NetError(f"{name} cannot be written as {form!r}")
        channels = np.arange(self._given(node)[0][0])
        ahead = (
            channels[None, :] - channels[:, None]
        )  # ONNX: ⌊(size - 1) / 2⌋ before, the rest after
        near = (-((layer.size - 1) // 2) <= ahead) & (ahead <= layer.size // 2)
        weight = (near * (layer.alpha / layer.size)).astype(np.float32)[:, :, None, None]
        bias = np.full(len(channels), layer.bias, np.float32)
        arrays = [self._constant(f"{name}.{key}", a) for key, a in (("near", weight), ("k", bias))]
        squares = self._op("Mul", f"{name}.squares", x, x)
        sums = self._op("Conv", f"{name}.sums", squares, *arrays, kernel_shape=[1, 1])
        if layer.beta == 0.75:  # two square roots instead of a power
            root = self._op("Sqrt", f"{name}.root", sums)
            power = self._op("Mul", f"{name}.power", root, self._op("Sqrt", f"{name}.root4", root))
        else:
            power = self._op("Pow", f"{name}.power", sums, self._number(f"{name}.beta", layer.beta))
        self._op("Div", name, x, power)

    def _activation(self, kind: str, name: str, x: str) -> None:
        named = {"relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "hardswish": "HardSwish"}
        if kind in named:
            self._op(named[kind], name, x)
        elif kind == "relu6":
            self._op("Clip", name, x, self._number("zero", 0.0), self._number("six", 6.0))
        elif kind == "hardsigmoid":
            self._op("HardSigmoid", name, x, alpha=1 / 6, beta=0.5)
        elif kind == "silu":
            self._op("Mul", name, x, self._op("Sigmoid", f"{name}.gate", x))
        else:  # gelu: x/2 (1 + erf(x / √2)), which onnxruntime knows as one
            y = self._op("Div", f"{name}.scaled", x, self._number("root2", 2**0.5))
            y = self._op("Erf", f"{name}.erf", y)
            y = self._op("Add", f"{name}.plus1", y, self._number("one", 1.0))
            y = self._op("Mul", f"{name}.times", x, y)
            self._op("Mul", name, y, self._number("half", 0.5))

    def _op(self, op: str, name: str, *inputs: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(op, list(inputs), [name], name=name, **attributes))
        return name

    def _name(self, name: str) -> str:
        return self._alias.get(name, name)

    def _given(self, node: Node) -> tuple[tuple[int, ...], ...]:
        return self._graph.given(node)

    def _array(self, name: str) -> NDArray[np.float32]:
        wanted = self._graph.weights[name]
        found = self._weights.get(name)
        if found is None or found.shape != wanted:
            raise NetError(
                f"{self._graph.name} needs {name} of {wanted}, not "
                + ("nothing" if found is None else f"{found.shape}")
            )
        return np.asarray(found, np.float32)

    def _weight(self, node: str, key: str) -> str:
        return self._constant(f"{node}.{key}", self._array(f"{node}.{key}"))

    def _constant(self, name: str, value: NDArray[Any]) -> str:
        if name not in self._known:
            self._known.add(name)
            self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _integers(self, name: str, *values: int) -> str:
        return self._constant(name, np.array(values, np.int64))

    def _number(self, name: str, value: float) -> str:
        return self._constant(name, np.array(value, np.float32))


def is_pointwise(layer: Convolution) -> bool:
    """Whether each output pixel is made of the one input pixel in its place."""
    return layer.kernel == layer.stride == (1, 1) and not any(layer.padding)
