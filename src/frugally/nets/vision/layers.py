"""The layers that networks for images are made of: shapes, parameters and multiply-adds of each.

A shape is (channels, height, width) of one image, or (numbers,) once flattened. Multiply-adds
(MACs) are those of convolutions and products; what normalises, adds or moves counts as none, as in
the papers' tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import prod
from typing import Any, ClassVar, Literal, Protocol

from frugally.errors import NetError

Shape = tuple[int, ...]
Pair = tuple[int, int]
Quad = tuple[int, int, int, int]
LARGEST = 2**31 - 1
"""No number of a layer, and no side or number of channels, is larger."""


class Layer(Protocol):
    """A frozen dataclass that knows what it makes of shapes, and what that costs."""

    inputs: ClassVar[int]
    """How many inputs it takes; 0 is one or more."""

    def shape(self, *inputs: Shape) -> Shape:
        """The shape of its output. Raises `NetError` if these inputs do not fit."""
        ...

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        """The names and shapes of its learned arrays."""
        ...

    def macs(self, *inputs: Shape) -> int:
        """Its multiply-adds for one image."""
        ...


class _Checked:
    """A layer with one input whose numbers are looked at when it is made."""

    inputs: ClassVar[int] = 1

    def __post_init__(self) -> None:
        _check(self)


class _Weightless(_Checked):
    """A layer that learns nothing and multiplies nothing."""

    def shape(self, *inputs: Shape) -> Shape:
        """The output has the shape of the input."""
        return inputs[0]

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        """None."""
        return {}

    def macs(self, *inputs: Shape) -> int:
        """None."""
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Convolution(_Checked):
    """Convolution, in `groups` of channels that do not see one another (Krizhevsky et al. 2012).

    With c input channels, output channel o of group j = ⌊o · groups / out⌋ is

        y[o] = b[o] + Σ_{i < c / groups} w[o, i] * x[j · c / groups + i],

    a weight of (out, c / groups, kernel height, kernel width), and so c / groups · out · kernel
    multiply-adds for each output pixel: `groups` times fewer than a dense one. groups = c = out is
    a depthwise convolution, kernel (1, 1) a pointwise one. `padding` is (top, left, bottom, right).
    """

    out: int
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Quad = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    bias: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        """(out, height, width)."""
        channels, *size = _image(inputs[0], self)
        if channels % self.groups or self.out % self.groups:
            raise NetError(
                f"{channels} channels to {self.out} cannot be convolved in {self.groups} groups"
            )
        return (self.out, *_windows(size, self.kernel, self.stride, self.padding, self.dilation))

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        """`weight` (out, in / groups, kernel height, kernel width), perhaps `bias` (out,)."""
        weight = (self.out, inputs[0][0] // self.groups, *self.kernel)
        return {"weight": weight, **({"bias": (self.out,)} if self.bias else {})}

    def macs(self, *inputs: Shape) -> int:
        """Weights times output pixels."""
        return prod(self.weights(*inputs)["weight"]) * prod(self.shape(*inputs)[1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear(_Checked):
    """y = W x + b over a flat input."""

    out: int
    bias: bool = True

    def shape(self, *inputs: Shape) -> Shape:
        """(out,)."""
        if len(inputs[0]) != 1:
            raise NetError(f"a linear layer takes a flat input, not one of {inputs[0]}")
        return (self.out,)

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        """`weight` (out, in), perhaps `bias` (out,)."""
        return {"weight": (self.out, inputs[0][0]), **({"bias": (self.out,)} if self.bias else {})}

    def macs(self, *inputs: Shape) -> int:
        """One for each weight."""
        return self.out * inputs[0][0]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchNorm(_Weightless):
    """scale · (x - mean) / √(variance + epsilon) + bias, by channel (Ioffe and Szegedy 2015)."""

    epsilon: float = 1e-5

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        """`scale` and `bias`, learned, and the running `mean` and `variance`; each (channels,)."""
        return dict.fromkeys(("scale", "bias", "mean", "variance"), (inputs[0][0],))


ACTIVATIONS = ("relu", "relu6", "hardswish", "hardsigmoid", "sigmoid", "silu", "gelu", "tanh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation(_Weightless):
    """One of ACTIVATIONS, of each number."""

    kind: str = "relu"

    def __post_init__(self) -> None:
        if self.kind not in ACTIVATIONS:
            raise NetError(f"there is no activation {self.kind!r:.80}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelShuffle(_Weightless):
    """Channels of g `groups` mixed: output channel i · g + j is channel j · (c / g) + i.

    A reshape to (g, c / g), a transposition and a flattening (Zhang et al. 2017, ShuffleNet,
    section 3.1). With `random` each forward pass of training draws an order of all channels anew,
    which is how the essay reads it; what is saved has the fixed order.
    """

    groups: int
    random: bool = False

    def shape(self, *inputs: Shape) -> Shape:
        """The shape of the input."""
        channels = _image(inputs[0], self)[0]
        if channels % self.groups:
            raise NetError(f"{channels} channels cannot be shuffled in {self.groups} groups")
        return inputs[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool(_Weightless):
    """The largest number, or the mean, of each window. `padding` is (top, left, bottom, right).

    The mean is over the whole window if `padded_counts`, otherwise over what of it lies inside.
    """

    kind: Literal["max", "average"]
    kernel: Pair
    stride: Pair
    padding: Quad = (0, 0, 0, 0)
    padded_counts: bool = True

    def __post_init__(self) -> None:
        _check(self)
        if self.kind not in ("max", "average"):
            raise NetError(f"there is no pool of kind {self.kind!r:.80}")
        if any(self.padding[side] >= self.kernel[side % 2] for side in range(4)):
            raise NetError(f"a window of {self.kernel} can lie in a padding of {self.padding}")

    def shape(self, *inputs: Shape) -> Shape:
        """(channels, height, width)."""
        channels, *size = _image(inputs[0], self)
        return (channels, *_windows(size, self.kernel, self.stride, self.padding, (1, 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalAverage(_Weightless):
    """The mean of each channel: (channels, height, width) to (channels, 1, 1)."""

    def shape(self, *inputs: Shape) -> Shape:
        """(channels, 1, 1)."""
        return (_image(inputs[0], self)[0], 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatten(_Weightless):
    """All numbers in one row."""

    def shape(self, *inputs: Shape) -> Shape:
        """(numbers,)."""
        return (prod(inputs[0]),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels(_Weightless):
    """Channels `start` to `stop` alone."""

    start: int
    stop: int

    def shape(self, *inputs: Shape) -> Shape:
        """(stop - start, height, width)."""
        channels, *size = inputs[0]
        if not 0 <= self.start < self.stop <= channels:
            raise NetError(f"there are no channels {self.start} to {self.stop} among {channels}")
        return (self.stop - self.start, *size)


@dataclass(frozen=True, slots=True, kw_only=True)
class PadChannels(_Weightless):
    """The channels of its input, and `count` more that are zero (He et al. 2015, section 3.3)."""

    count: int

    def shape(self, *inputs: Shape) -> Shape:
        """(channels + count, height, width)."""
        channels, *size = _image(inputs[0], self)
        return (channels + self.count, *size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(_Weightless):
    """The sum of its inputs."""

    inputs: ClassVar[int] = 0

    def shape(self, *inputs: Shape) -> Shape:
        """That of all inputs."""
        if len(set(inputs)) != 1:
            raise NetError(f"{' and '.join(map(str, inputs))} cannot be added")
        return inputs[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Concatenation(_Weightless):
    """Its inputs' channels, one after another."""

    inputs: ClassVar[int] = 0

    def shape(self, *inputs: Shape) -> Shape:
        """The sum of the channels."""
        if len({shape[1:] for shape in inputs}) != 1:
            raise NetError(f"{' and '.join(map(str, inputs))} cannot stand side by side")
        return (sum(shape[0] for shape in inputs), *inputs[0][1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale(_Weightless):
    """The first input, each channel times the second's one number for it, (channels, 1, 1)."""

    inputs: ClassVar[int] = 2

    def shape(self, *inputs: Shape) -> Shape:
        """That of the first input."""
        if inputs[1] != (_image(inputs[0], self)[0], 1, 1):
            raise NetError(f"{inputs[0]} cannot be scaled by {inputs[1]}")
        return inputs[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalResponseNorm(_Weightless):
    """x / (bias + alpha / size · Σ x²)^beta over `size` neighbouring channels.

    Krizhevsky et al. 2012, AlexNet, section 3.3, whose alpha is the one here divided by size.
    """

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    bias: float = 1.0

    def shape(self, *inputs: Shape) -> Shape:
        """The shape of the input."""
        return _image(inputs[0], self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropout(_Weightless):
    """A share of the numbers is set to zero in training; nothing otherwise."""

    share: float = 0.5

    def __post_init__(self) -> None:
        _check(self)
        if self.share >= 1:
            raise NetError(f"nothing is left after a dropout of {self.share}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DropPath(Dropout):
    """Dropout of all numbers of an image at once (Zoph et al. 2017, NASNet, section 4)."""


LAYERS: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (
        Convolution, Linear, BatchNorm, Activation, ChannelShuffle, Pool, GlobalAverage, Flatten,
        Channels, PadChannels, Add, Concatenation, Scale, LocalResponseNorm, Dropout, DropPath,
    )
}  # fmt: skip


def layer_as_dict(layer: Layer) -> dict[str, Any]:
    """A layer as JSON can hold it: its kind, and what differs from the defaults."""
    values = asdict(layer)  # type: ignore[call-overload]
    given = {f.name: values[f.name] for f in fields(layer) if values[f.name] != f.default}  # type: ignore[arg-type]
    return {"layer": type(layer).__name__, **given}


def layer_from_dict(entry: Mapping[str, Any]) -> Layer:
    """The layer that `layer_as_dict` wrote.

    Raises:
        NetError: there is no such layer, or it is given what it does not take.
    """
    kind = entry.get("layer")
    if not isinstance(kind, str) or kind not in LAYERS:
        raise NetError("there is no such layer", hint=f"the layers are {', '.join(LAYERS)}")
    given = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in entry.items()
        if key != "layer"
    }
    try:
        return LAYERS[kind](**given)
    except TypeError as error:
        raise NetError(f"this is no {kind}: {error}") from error


def _check(layer: object) -> None:
    """Refuse what no layer can have, such as comes from a file that is not ours."""
    for field in fields(layer):  # type: ignore[arg-type]
        value = getattr(layer, field.name)
        least = 0 if field.name in ("padding", "start") else 1
        match field.type:
            case "int":
                fits = _whole(value, least)
            case "Pair" | "Quad":
                count = 2 if field.type == "Pair" else 4
                fits = isinstance(value, tuple) and len(value) == count
                fits = fits and all(_whole(one, least) for one in value)
            case "float":
                fits = isinstance(value, int | float) and type(value) is not bool
                fits = fits and 0 <= value <= LARGEST
            case "bool":
                fits = type(value) is bool
            case _:
                fits = True
        if not fits:
            raise NetError(f"{type(layer).__name__} cannot have this {field.name}")


def _whole(value: Any, least: int) -> bool:
    return type(value) is int and least <= value <= LARGEST


def _image(shape: Shape, layer: object) -> Shape:
    if len(shape) != 3:
        raise NetError(f"{type(layer).__name__} takes (channels, height, width), not {shape}")
    return shape


def _windows(
    size: Sequence[int], kernel: Pair, stride: Pair, padding: Quad, dilation: Pair
) -> Pair:
    """How many windows lie in a padded image, down and across."""
    counts = []
    for axis in range(2):
        whole = size[axis] + padding[axis] + padding[axis + 2]
        reach = dilation[axis] * (kernel[axis] - 1) + 1
        counts.append((whole - reach) // stride[axis] + 1)
    if min(counts) < 1:
        raise NetError(f"an image of {size[0]} x {size[1]} is too small for a window of {kernel}")
    return counts[0], counts[1]
