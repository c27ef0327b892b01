"""Shapes, arrays and multiply-adds are those worked out by hand; what does not fit is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugally.errors import NetError
from frugally.nets.vision.layers import (
    ACTIVATIONS,
    LARGEST,
    LAYERS,
    Activation,
    Add,
    BatchNorm,
    Channels,
    ChannelShuffle,
    Concatenation,
    Convolution,
    Dropout,
    DropPath,
    Flatten,
    GlobalAverage,
    Linear,
    LocalResponseNorm,
    PadChannels,
    Pool,
    Scale,
    layer_as_dict,
    layer_from_dict,
)

IMAGE = (6, 4, 5)
ONES = (1, 1, 1, 1)
# (layer, inputs, its output, its arrays, its multiply-adds)
WORKED = [
    (
        # (9 + 2 - 3) / 2 + 1 high, 7 + 4 - 5 + 1 wide, of 2 · 3 · 5 products each
        Convolution(out=8, kernel=(3, 5), stride=(2, 1), padding=(1, 2, 1, 2), groups=2, bias=True),
        [(4, 9, 7)],
        (8, 5, 7),
        {"weight": (8, 2, 3, 5), "bias": (8,)},
        8 * 2 * 15 * 35,
    ),
    (
        Convolution(out=6, kernel=(3, 3), padding=ONES, groups=6),
        [IMAGE],
        IMAGE,
        {"weight": (6, 1, 3, 3)},
        6 * 9 * 20,
    ),
    (
        Convolution(out=1, kernel=(3, 3), dilation=(2, 2)),
        [(2, 7, 6)],
        (1, 3, 2),
        {"weight": (1, 2, 3, 3)},
        18 * 6,
    ),
    (Linear(out=10), [(7,)], (10,), {"weight": (10, 7), "bias": (10,)}, 70),
    (Linear(out=10, bias=False), [(7,)], (10,), {"weight": (10, 7)}, 70),
    (
        BatchNorm(),
        [IMAGE],
        IMAGE,
        {"scale": (6,), "bias": (6,), "mean": (6,), "variance": (6,)},
        0,
    ),
    (Activation(kind="hardswish"), [IMAGE], IMAGE, {}, 0),
    (ChannelShuffle(groups=3, random=True), [IMAGE], IMAGE, {}, 0),
    (Pool(kind="max", kernel=(3, 3), stride=(2, 2), padding=ONES), [IMAGE], (6, 2, 3), {}, 0),
    (Pool(kind="average", kernel=(2, 1), stride=(2, 4)), [IMAGE], (6, 2, 2), {}, 0),
    (GlobalAverage(), [IMAGE], (6, 1, 1), {}, 0),
    (Flatten(), [IMAGE], (120,), {}, 0),
    (Channels(start=2, stop=5), [IMAGE], (3, 4, 5), {}, 0),
    (PadChannels(count=2), [IMAGE], (8, 4, 5), {}, 0),
    (Add(), [IMAGE, IMAGE, IMAGE], IMAGE, {}, 0),
    (Concatenation(), [IMAGE, (2, 4, 5)], (8, 4, 5), {}, 0),
    (Scale(), [IMAGE, (6, 1, 1)], IMAGE, {}, 0),
    (LocalResponseNorm(size=3, alpha=1e-3, bias=2.0), [IMAGE], IMAGE, {}, 0),
    (Dropout(share=0.25), [(7,)], (7,), {}, 0),
    (DropPath(share=0.25), [IMAGE], IMAGE, {}, 0),
]


@pytest.mark.parametrize("layer, inputs, shape, weights, macs", WORKED)
def test_shape_arrays_and_multiply_adds(layer, inputs, shape, weights, macs):
    assert layer.shape(*inputs) == shape
    assert layer.weights(*inputs) == weights
    assert layer.macs(*inputs) == macs


def test_every_layer_is_worked_out():
    assert {type(layer).__name__ for layer, *_ in WORKED} == set(LAYERS)


sides = st.integers(1, 12)
steps = st.integers(1, 4)


@given(sides, sides, st.integers(0, 3), st.integers(0, 3), steps, steps)
def test_as_many_windows_as_fit(side, kernel, before, after, stride, dilation):
    layer = Convolution(
        out=1,
        kernel=(kernel, 1),
        stride=(stride, 1),
        padding=(before, 0, after, 0),
        dilation=(dilation, 1),
    )
    last = side + before + after - dilation * (kernel - 1)
    starts = len(range(0, max(0, last), stride))
    if starts:
        assert layer.shape((1, side, 1)) == (1, starts, 1)
    else:
        with pytest.raises(NetError, match="too small"):
            layer.shape((1, side, 1))


@given(st.integers(1, 6), st.integers(1, 5), st.integers(1, 5))
def test_groups_divide_the_work(groups, within, out):
    dense = Convolution(out=out * groups, kernel=(3, 3), padding=ONES)
    grouped = Convolution(out=out * groups, kernel=(3, 3), padding=ONES, groups=groups)
    given = (within * groups, 5, 4)
    assert grouped.macs(given) * groups == dense.macs(given)
    assert grouped.shape(given) == dense.shape(given)


@pytest.mark.parametrize(
    "layer, inputs, why",
    [
        (Convolution(out=4, kernel=(1, 1), groups=4), [IMAGE], "6 channels to 4"),
        (Convolution(out=4, kernel=(1, 1), groups=3), [IMAGE], "6 channels to 4"),
        (Convolution(out=4, kernel=(5, 5)), [IMAGE], "too small"),
        (Convolution(out=4, kernel=(1, 1)), [(7,)], "takes"),
        (Linear(out=4), [IMAGE], "flat"),
        (ChannelShuffle(groups=4), [IMAGE], "6 channels"),
        (ChannelShuffle(groups=1), [(7,)], "takes"),
        (Pool(kind="max", kernel=(5, 5), stride=(1, 1)), [IMAGE], "too small"),
        (GlobalAverage(), [(7,)], "takes"),
        (Channels(start=2, stop=7), [IMAGE], "no channels 2 to 7"),
        (Channels(start=2, stop=2), [IMAGE], "no channels 2 to 2"),
        (PadChannels(count=1), [(7,)], "takes"),
        (Add(), [IMAGE, (6, 4, 4)], "added"),
        (Concatenation(), [IMAGE, (6, 4, 4)], "side by side"),
        (Scale(), [IMAGE, (5, 1, 1)], "scaled"),
        (LocalResponseNorm(), [(7,)], "takes"),
    ],
)
def test_what_does_not_fit_is_refused(layer, inputs, why):
    with pytest.raises(NetError, match=why):
        layer.shape(*inputs)


@pytest.mark.parametrize(
    "kind, values",
    [
        (Convolution, {"out": 0, "kernel": (1, 1)}),
        (Convolution, {"out": 4.0, "kernel": (1, 1)}),
        (Convolution, {"out": True, "kernel": (1, 1)}),
        (Convolution, {"out": LARGEST + 1, "kernel": (1, 1)}),
        (Convolution, {"out": 4, "kernel": 3}),
        (Convolution, {"out": 4, "kernel": (3, 3, 3)}),
        (Convolution, {"out": 4, "kernel": (3, 3), "stride": (0, 1)}),
        (Convolution, {"out": 4, "kernel": (3, 3), "padding": (0, 0, 0, -1)}),
        (Convolution, {"out": 4, "kernel": (3, 3), "groups": 0}),
        (Convolution, {"out": 4, "kernel": (3, 3), "bias": 1}),
        (Linear, {"out": -3}),
        (BatchNorm, {"epsilon": float("nan")}),
        (BatchNorm, {"epsilon": float("inf")}),
        (BatchNorm, {"epsilon": "small"}),
        (Activation, {"kind": "step"}),
        (Activation, {"kind": ["relu"]}),
        (Pool, {"kind": "least", "kernel": (2, 2), "stride": (2, 2)}),
        (Pool, {"kind": "max", "kernel": (2, 2), "stride": (2, 2), "padding": (0, 0, 0, 2)}),
        (Dropout, {"share": 1.0}),
        (PadChannels, {"count": 0}),
    ],
)
def test_numbers_that_no_layer_has_are_refused(kind, values):
    with pytest.raises(NetError):
        kind(**values)


@pytest.mark.parametrize("layer", [layer for layer, *_ in WORKED], ids=repr)
def test_json_round_trip(layer):
    assert layer_from_dict(json.loads(json.dumps(layer_as_dict(layer)))) == layer


def test_json_holds_only_what_differs_from_the_defaults():
    assert layer_as_dict(Linear(out=3)) == {"layer": "Linear", "out": 3}


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_every_activation_can_be_named(kind):
    assert layer_from_dict({"layer": "Activation", "kind": kind}).kind == kind


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"layer": None},
        {"layer": ["Linear"]},
        {"layer": "Perceptron"},
        {"layer": "Linear"},
        {"layer": "Linear", "out": 3, "in": 4},
        {"layer": "Linear", "out": 10**5000},
        {"layer": "Linear", "out": {"out": 3}},
    ],
)
def test_other_json_is_refused(entry):
    with pytest.raises(NetError):
        layer_from_dict(entry)
