"""Where the time of a network goes: each node beside what the machine could do.

After the roofline model (Williams, Waterman, Patterson 2009, "Roofline: an insightful visual
performance model for multicore architectures"): a node takes at least its operations over the
machine's highest rate of them, and at least its bytes over the machine's bandwidth; the longer of
the two is what binds it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.errors import NetError, UsageError
from frugally.nets.onnx_session import open_session
from frugally.nets.vision.ceilings import Ceilings, ceilings

_KERNEL = "_kernel_time"
_TYPES = {
    "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16,
    "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8, "tensor(bool)": np.bool_,
}  # fmt: skip
_FEW = 4  # inputs, of which some are stored
_BYTES = {"float": 4, "double": 8, "float16": 2, "bfloat16": 2, "int8": 1, "uint8": 1, "int32": 4}
_SIDE = 224

Typed = tuple[str, tuple[int, ...]]
"""A tensor: the name of its type, and its shape."""
Key = tuple[str, str]
"""A node: its name, which may be empty, and its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeProfile:
    """One node as the runtime runs it, after it has fused and rewritten what the file says.

    `parameters` are numbers, `bytes` those of parameters and of what is read and written,
    `milliseconds` the median over runs. `binds` is "compute" or "memory", whichever ceiling is the
    nearer, and `share` of the measured time is the least that this ceiling allows.
    """

    name: str
    kind: str
    parameters: int
    macs: int
    bytes: int
    milliseconds: float
    binds: str
    share: float


@dataclass(frozen=True, kw_only=True)
class NetworkProfile:
    """The nodes in the order in which they ran, and what the machine can do."""

    nodes: tuple[NodeProfile, ...]
    ceilings: Ceilings
    threads: int
    inputs: Mapping[str, tuple[int, ...]]

    @property
    def milliseconds(self) -> float:
        """The sum over nodes."""
        return sum(node.milliseconds for node in self.nodes)

    @property
    def macs(self) -> int:
        """The sum over nodes."""
        return sum(node.macs for node in self.nodes)

    @property
    def parameters(self) -> int:
        """The sum over nodes."""
        return sum(node.parameters for node in self.nodes)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "milliseconds": self.milliseconds, "macs": self.macs, "parameters": self.parameters,
            "threads": self.threads, "inputs": {n: list(s) for n, s in self.inputs.items()},
            "ceilings": asdict(self.ceilings), "nodes": [asdict(node) for node in self.nodes],
        }  # fmt: skip


def profile(
    network: Path | bytes,
    *,
    threads: int = 1,
    runs: int = 10,
    dimensions: Mapping[str, int] | None = None,
    measured: Ceilings | None = None,
) -> NetworkProfile:
    """Run an ONNX network on random numbers and tell what each node takes.

    Dimensions that it leaves open are 1, those of images 224, or as `dimensions` says by name.
    `measured` are the machine's ceilings for as many threads, measured otherwise. Multiply-adds
    are those of convolutions, products and recurrent layers.

    Raises:
        NetError: it is no network, takes what cannot be made up, or does not run on that.
        UsageError: it leaves no such dimension open.
    """
    with TemporaryDirectory() as folder:
        # Weights that the runtime packs anew vanish from its notes: shapes come from another run.
        plain = Path(folder, "plain")
        session = open_session(network, threads, profile=plain, prepacked=False)
        feed = _feed(session.get_inputs(), dimensions or {})
        shapes = {_key(event): event for event in _events(session, feed, 1)}
        session = open_session(network, threads, profile=Path(folder, "timed"))
        times: dict[Key, list[float]] = {}
        for event in _events(session, feed, runs):
            times.setdefault(_key(event), []).append(event["dur"] / 1e3)
    limits = measured or ceilings(threads)
    nodes = [
        _node(shapes[key], float(np.median(taken)), limits)
        for key, taken in times.items()
        if key in shapes
    ]
    if not nodes:
        raise NetError("the runtime tells nothing of what the network runs")
    sizes = {name: array.shape for name, array in feed.items()}
    return NetworkProfile(nodes=tuple(nodes), ceilings=limits, threads=threads, inputs=sizes)


def _feed(inputs: Sequence[Any], dimensions: Mapping[str, int]) -> dict[str, NDArray[Any]]:
    """Numbers for each input."""
    left_open = _left_open(inputs)
    for name in dimensions:
        if name not in left_open:
            named = ", ".join(left_open) or "none that has a name"
            raise UsageError(
                f"the network leaves no dimension {name!r:.80} open", hint=f"it leaves open {named}"
            )
    return {given.name: _made_up(given, dimensions) for given in inputs}


def _left_open(inputs: Sequence[Any]) -> list[str]:
    """The names of the dimensions without a size."""
    return sorted({size for given in inputs for size in given.shape if isinstance(size, str)})


def _made_up(given: Any, dimensions: Mapping[str, int]) -> NDArray[Any]:
    dtype = _TYPES.get(given.type)
    if dtype is None:
        raise NetError(f"its input {given.name} is {given.type}, which cannot be made up")
    shape = []
    for axis, size in enumerate(given.shape):
        image = len(given.shape) == 4 and axis >= 2
        named = dimensions.get(size) if isinstance(size, str) else None
        known = size if isinstance(size, int) else named
        shape.append(known if known is not None else _SIDE if image else 1)
    try:
        if np.issubdtype(dtype, np.floating):
            return np.random.default_rng(0).standard_normal(shape).astype(dtype)
        return np.ones(shape, dtype)
    except (ValueError, MemoryError) as error:
        raise NetError(f"its input {given.name} of {shape} cannot be made up: {error}") from error


def _events(session: Any, feed: Mapping[str, Any], runs: int) -> list[dict[str, Any]]:
    """What the runtime noted of each node, without the first run if there are more."""
    try:
        # What a first run sets up is not what a network takes; its notes are left out below.
        for _ in range(runs + (runs > 1)):
            session.run(None, dict(feed))
    except Exception as error:  # onnxruntime's own kinds share no base class
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in feed.items())
        left_open = ", ".join(_left_open(session.get_inputs()))
        hint = f"give the sizes of its open dimensions by their names: {left_open}"
        raise NetError(
            f"the network does not run on {shapes}: {' '.join(str(error).split()):.300}",
            hint=hint if left_open else None,
        ) from error
    finally:
        noted = Path(session.end_profiling())
    events = [
        event
        for event in json.loads(noted.read_text(encoding="utf-8"))
        if event.get("cat") == "Node" and event["name"].endswith(_KERNEL)
    ]
    return events[len(events) // (runs + 1) :] if runs > 1 else events


def _key(event: Mapping[str, Any]) -> Key:
    return str(event["name"]).removesuffix(_KERNEL), str(event["args"].get("node_index"))


def _node(event: Mapping[str, Any], milliseconds: float, limits: Ceilings) -> NodeProfile:
    told = event["args"]
    given, made = _typed(told["input_type_shape"]), _typed(told["output_type_shape"])
    stored = int(told["parameter_size"])
    moved = stored + int(told["activation_size"]) + int(told["output_size"])
    macs = _macs(told["op_name"], [s for _, s in given], [s for _, s in made])
    compute, memory = 2 * macs / limits.gflops / 1e6, moved / limits.gigabytes / 1e6
    return NodeProfile(
        name=_key(event)[0] or told["op_name"], kind=told["op_name"], macs=macs, bytes=moved,
        parameters=_parameters(given, stored), milliseconds=milliseconds,
        binds="compute" if compute > memory else "memory",
        share=max(compute, memory) / milliseconds if milliseconds else 0.0,
    )  # fmt: skip


def _typed(entries: Sequence[Mapping[str, Sequence[int]]]) -> list[Typed]:
    return [(kind, tuple(shape)) for entry in entries for kind, shape in entry.items()]


def _parameters(given: Sequence[Typed], stored: int) -> int:
    """How many numbers of the inputs are stored with the network, by the bytes that are.

    Those inputs whose bytes come to as many, the last ones of several that would; if none do (the
    runtime counts what it pads), the last ones, as they fit. Whole numbers of 64 bits say where
    things go, and are none.
    """
    sizes = [prod(shape) * _BYTES.get(kind, 8) for kind, shape in given]
    for kept in product((True, False), repeat=min(len(given), _FEW)):
        chosen = [place for place, one in enumerate(reversed(kept), -len(kept)) if one]
        if sum(sizes[place] for place in chosen) == stored:
            break
    else:
        chosen = []
        for place in range(-1, -len(given) - 1, -1):
            if sizes[place] <= stored:
                stored -= sizes[place]
                chosen.append(place)
    return sum(prod(given[place][1]) for place in chosen if given[place][0] in _BYTES)


def _macs(kind: str, given: Sequence[tuple[int, ...]], made: Sequence[tuple[int, ...]]) -> int:
    outputs = prod(made[0]) if made else 0
    match kind:
        case "Conv" | "FusedConv" | "NhwcFusedConv" | "ConvInteger":
            return outputs * prod(given[1][1:])
        case "QLinearConv":
            return outputs * prod(given[3][1:])
        case "ConvTranspose":
            return prod(given[0]) * prod(given[1][1:])
        case "MatMul" | "MatMulInteger" | "QLinearMatMul":
            return outputs * given[0][-1]
        case "MatMulIntegerToFloat" | "DynamicQuantizeMatMul":
            return outputs * given[0][-1]
        case "FusedMatMul":  # either factor may be transposed in it
            return outputs * prod(given[1][-2:]) // made[0][-1] if outputs else 0
        case "Gemm" | "FusedGemm" | "QGemm":
            return outputs * (prod(given[0]) // made[0][0]) if outputs else 0
        case "LSTM" | "GRU" | "RNN" | "DynamicQuantizeLSTM":
            return prod(given[0][:2]) * (prod(given[1]) + prod(given[2]))
    return 0
