"""Each layer as ONNX against what its formula says, and each form against the plain one."""

import math

import numpy as np
import onnx
import pytest
from random_network import assert_same, plain_scores, scores, some_images, some_weights

from frugally.errors import NetError
from frugally.fit.vision.onnx_export import onnx_model
from frugally.nets.vision.graph import Builder
from frugally.nets.vision.layers import (
    Activation,
    Channels,
    Dropout,
    Flatten,
    LocalResponseNorm,
    PadChannels,
)
from frugally.nets.vision.shufflenet import shufflenet


def network(add, shape=(6, 5, 4)):
    builder = Builder("one", shape)
    add(builder)
    return builder.build()


def output(graph, weights=None, images=None, **how):
    images = some_images(graph) if images is None else images
    weights = some_weights(graph) if weights is None else weights
    return scores(onnx_model(graph, weights, **how), images)


def test_a_model_is_valid_and_the_same_twice():
    graph = shufflenet(3, 0.25, size=32, classes=7)
    weights = some_weights(graph)
    model = onnx_model(graph, weights)
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    assert model == onnx_model(graph, weights)
    assert scores(model, some_images(graph, 3)).shape == (3, 7)


@pytest.mark.parametrize(
    ("kind", "formula"),
    [
        ("relu", lambda x: max(x, 0)),
        ("relu6", lambda x: min(max(x, 0), 6)),
        ("hardsigmoid", lambda x: min(max(x + 3, 0), 6) / 6),
        ("hardswish", lambda x: x * min(max(x + 3, 0), 6) / 6),
        ("sigmoid", lambda x: 1 / (1 + math.exp(-x))),
        ("silu", lambda x: x / (1 + math.exp(-x))),
        ("gelu", lambda x: x / 2 * (1 + math.erf(x / 2**0.5))),
        ("tanh", math.tanh),
    ],
)
def test_activations(kind, formula):
    graph = network(lambda b: b.add("a", Activation(kind=kind), b.image), (1, 1, 9))
    x = np.linspace(-8, 8, 9, dtype=np.float32).reshape(1, 1, 1, 9)
    expected = [formula(float(one)) for one in x.reshape(-1)]
    np.testing.assert_allclose(output(graph, images=x).reshape(-1), expected, atol=1e-5)


def test_a_shuffle_takes_from_each_group_in_turn():
    graph = network(lambda b: b.shuffle(b.image, 3))
    x = some_images(graph)
    np.testing.assert_array_equal(output(graph, images=x), x[:, [0, 2, 4, 1, 3, 5]])


def test_layers_that_move_channels():
    graph = network(
        lambda b: b.add(
            "pad", PadChannels(count=2), b.add("cut", Channels(start=1, stop=4), b.image)
        )
    )
    x = some_images(graph)
    expected = np.concatenate([x[:, 1:4], np.zeros_like(x[:, :2])], axis=1)
    np.testing.assert_array_equal(output(graph, images=x), expected)


def test_dropout_is_left_out():
    graph = network(lambda b: b.add("drop", Dropout(), b.add("flat", Flatten(), b.image)))
    x = some_images(graph)
    np.testing.assert_array_equal(output(graph, images=x), x.reshape(2, -1))


def test_squeeze_and_excite():
    graph = network(lambda b: b.squeeze_excite(b.image, 2))
    x, weights = some_images(graph), some_weights(graph)
    first, second = (weights[f"{name}.weight"][:, :, 0, 0] for name in ("conv", "conv2"))
    y = np.maximum(x.mean(axis=(2, 3)) @ first.T + weights["conv.bias"], 0)
    gate = 1 / (1 + np.exp(-(y @ second.T + weights["conv2.bias"])))
    assert_same(output(graph, weights, x), x * gate[:, :, None, None])


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("form", ["conv", "product", "split"])
def test_a_grouped_pointwise_convolution(form, bias):
    graph = network(lambda b: b.convolution(b.image, 9, groups=3, bias=bias))
    x, weights = some_images(graph), some_weights(graph)
    parts = [
        np.einsum("oi,nihw->nohw", w[:, :, 0, 0], y)
        for w, y in zip(np.split(weights["conv.weight"], 3), np.split(x, 3, axis=1), strict=True)
    ]
    expected = np.concatenate(parts, axis=1)
    if bias:
        expected += weights["conv.bias"][:, None, None]
    assert_same(output(graph, weights, x, forms={"conv": form}), expected)


@pytest.mark.parametrize("form", ["norm", "convolution"])
@pytest.mark.parametrize(("size", "beta"), [(5, 0.75), (4, 0.75), (3, 0.5)])
def test_response_norm(form, size, beta):
    layer = LocalResponseNorm(size=size, alpha=0.9, beta=beta, bias=2.0)
    graph = network(lambda b: b.add("norm", layer, b.image))
    x = some_images(graph)
    expected = np.empty_like(x)
    for c in range(6):
        near = x[:, max(0, c - (size - 1) // 2) : c + size // 2 + 1]
        expected[:, c] = x[:, c] / (2.0 + 0.9 / size * (near**2).sum(axis=1)) ** beta
    assert_same(output(graph, images=x, forms={"norm": form}), expected)


def test_forms_that_do_not_fit_are_refused():
    graph = network(lambda b: b.convolution(b.image, 4, 3))
    for form in ("product", "split", "folded"):
        with pytest.raises(NetError, match=f"conv cannot be written as '{form}'"):
            onnx_model(graph, some_weights(graph), {"conv": form})


def test_missing_and_misshapen_weights_are_named():
    graph = network(lambda b: b.convolution(b.image, 4, 3))
    with pytest.raises(NetError, match=r"needs conv.weight of \(4, 6, 3, 3\), not nothing"):
        onnx_model(graph, {})
    with pytest.raises(NetError, match=r"not \(4, 6\)"):
        onnx_model(graph, {"conv.weight": np.zeros((4, 6), np.float32)})


def test_what_the_runtime_fuses_stays_the_same():
    graph = shufflenet(3, 0.25, size=32, classes=7)
    weights, images = some_weights(graph), some_images(graph)
    assert_same(output(graph, weights, images), plain_scores(graph, weights, images))
