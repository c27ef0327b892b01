"""A network in 8 bits: weights by channel, activations by the range that some images show.

Inner layers are computed in integers, between steps that scale (Jacob et al. 2017, "Quantization
and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
https://arxiv.org/abs/1712.05877, section 2.1).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.errors import UsageError
from frugally.fit.vision.timer import Timer
from frugally.nets.onnx_session import open_session
from frugally.nets.vision.graph import INPUT

Batches = Iterable[NDArray[np.float32]]

ACTIVATIONS = ("uint8", "int8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantised:
    """A network in 8 bits.

    `activations` are "uint8" or "int8"; `float_bytes` is the size of the float network;
    `agreement` the share of the calibration images whose best class is that of the float network;
    `milliseconds` what a run of the first batch takes, and `float_milliseconds` in floats.
    """

    model: bytes
    activations: str
    float_bytes: int
    agreement: float
    milliseconds: float
    float_milliseconds: float

    @property
    def size_ratio(self) -> float:
        """Its bytes by those of the float network; above 1 where nodes outweigh the weights."""
        return len(self.model) / self.float_bytes

    @property
    def is_smaller(self) -> bool:
        """Whether eight bits save any bytes."""
        return len(self.model) < self.float_bytes

    def as_dict(self) -> dict[str, Any]:
        """For a card: all but the model itself."""
        told = {name: value for name, value in asdict(self).items() if name != "model"}
        return {**told, "bytes": len(self.model), "smaller": self.is_smaller,
                "size_ratio": self.size_ratio}  # fmt: skip

    def __str__(self) -> str:
        """What became of the size, for people."""
        if self.is_smaller:
            return f"in 8 bits it has {self.size_ratio:.2f} times its bytes in floats"
        return (
            f"in 8 bits the network is not smaller but larger, {len(self.model):,} bytes against "
            f"{self.float_bytes:,} in floats: it is so small that what 8 bits add to each node "
            "outweighs what they save of its weights; keep it in floats"
        )


def quantised(
    model: bytes, batches: Batches, *, activations: str | None = None, threads: int = 1
) -> Quantised:
    """The network with 8-bit weights and activations, in ONNX's quantise-dequantise form.

    `batches` are images as the network takes them, (N, 3, height, width) float32: some hundred,
    like those it will see. Without `activations` both kinds are tried: the one that agrees more
    often with the float network is taken, and of two within a hundredth the quicker.

    Raises:
        UsageError: there are no images, or no such kind of activations.
        NetError: it is no network, or does not run on them.
    """
    images = [np.asarray(batch, np.float32) for batch in batches]
    if not sum(map(len, images)):
        raise UsageError("activations are quantised by images, and there are none")
    if activations not in (None, *ACTIVATIONS):
        raise UsageError(f"activations are {' or '.join(ACTIVATIONS)}, not {activations}")
    expected = _best_classes(model, images, threads)
    found = []
    for kind in ACTIVATIONS if activations is None else (activations,):
        small = _quantised(model, images, kind)
        agreement = float(np.mean(_best_classes(small, images, threads) == expected))
        slow, quick = Timer(images[0][:1], threads).milliseconds([model, small])
        found.append(
            Quantised(
                model=small,
                activations=kind,
                float_bytes=len(model),
                agreement=agreement,
                milliseconds=quick,
                float_milliseconds=slow,
            )
        )
    most = max(one.agreement for one in found)
    good = [one for one in found if one.agreement >= most - 0.01]
    return min(good, key=lambda one: one.milliseconds)


def _best_classes(
    model: bytes, images: list[NDArray[np.float32]], threads: int
) -> NDArray[np.intp]:
    session = open_session(model, threads)
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: x})[0].argmax(axis=1) for x in images])


def _quantised(model: bytes, images: list[NDArray[np.float32]], activations: str) -> bytes:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType
    from onnxruntime.quantization import quantize_static as quantize
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._feeds: Iterator[dict[str, Any]] = iter([{INPUT: x} for x in images])

        def get_next(self) -> dict[str, Any] | None:
            return next(self._feeds, None)

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it logs to the root what it would rather have been given
    try:
        with TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            source, ready, target = (Path(folder, f"{n}.onnx") for n in ("float", "ready", "int8"))
            source.write_bytes(model)
            # Folds batch norms, so that they are not quantised by themselves.
            quant_pre_process(source, ready, skip_symbolic_shape=True)
            quantize(
                ready, target, Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                activation_type=QuantType.QUInt8 if activations == "uint8" else QuantType.QInt8,
                weight_type=QuantType.QInt8,
            )  # fmt: skip
            return _compact(target)
    finally:
        root.setLevel(level)


def _compact(path: Path) -> bytes:
    """A quantised network in fewer bytes, to the same numbers.

    In integers a bias of 4 bytes a channel has a scale and a zero point of as many beside it: it is
    written in floats, which the runtime turns into the same integers. Tensors that are equal, such
    as zero points, are there once, and all get short names.
    """
    import onnx
    from onnx.numpy_helper import from_array, to_array

    model = onnx.load(path)
    graph = model.graph
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        first = tensors.get(node.input[0]) if node.op_type == "DequantizeLinear" else None
        if first is not None and first.data_type == onnx.TensorProto.INT32:
            bias, scale = (to_array(tensors[name]) for name in node.input[:2])
            name = node.output[0]
            tensors[name] = from_array((bias * scale.astype(np.float64)).astype(np.float32), name)
        else:
            nodes.append(node)
    new = {one.name: one.name for one in (*graph.input, *graph.output)}
    kept: dict[bytes, onnx.TensorProto] = {}
    for name in dict.fromkeys(name for node in nodes for name in node.input if name in tensors):
        tensor = tensors[name]
        tensor.name = ""
        found = kept.setdefault(tensor.SerializeToString(), tensor)
        found.name = found.name or f"c{len(kept)}"
        new[name] = found.name
    for name in (name for node in nodes for name in node.output):
        new.setdefault(name, f"t{len(new)}")
    for node in nodes:
        node.input[:] = [name and new[name] for name in node.input]
        node.output[:] = [new[name] for name in node.output]
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            node.name = ""
    graph.CopyFrom(
        onnx.helper.make_graph(
            nodes, graph.name, graph.input, graph.output, initializer=list(kept.values())
        )
    )
    return bytes(model.SerializeToString())
