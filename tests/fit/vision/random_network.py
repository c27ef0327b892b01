"""Networks with weights that hide no mistake, and what they give as the graph says."""

from dataclasses import replace

import numpy as np
import onnxruntime

from frugally.fit.vision.onnx_export import onnx_model
from frugally.fit.vision.weights import random_weights
from frugally.nets.vision.shufflenet import shufflenet


def some_weights(graph, seed=0):
    """Random ones, norms that change what they are given among them."""
    random = np.random.default_rng(seed)
    weights = random_weights(graph, seed)
    for name, array in weights.items():
        if name.endswith((".scale", ".variance")):
            weights[name] = random.uniform(0.5, 1.5, array.shape).astype(np.float32)
        elif name.endswith((".bias", ".mean")):
            weights[name] = random.normal(0, 0.3, array.shape).astype(np.float32)
    return weights


def some_images(graph, count=2, seed=0):
    random = np.random.default_rng(seed)
    return random.standard_normal((count, *graph.input), np.float32)


def scores(model, images, *, rewritten=True):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    if not rewritten:
        level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.graph_optimization_level = level
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: images})[0]


def plain_scores(graph, weights, images):
    """Those of the graph node by node, nothing fused by us or by the runtime."""
    return scores(onnx_model(graph, weights), images, rewritten=False)


def assert_same(found, expected):
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


def short_shufflenet(groups, classes=5):
    """The first two units of stages 2 and 3: of both strides, and with each number of channels."""
    graph = shufflenet(groups, 0.25, size=16, classes=classes)
    kept, instead, last = [], {}, ""
    for node in graph.nodes:
        unit = node.name.rpartition(".")[0]
        if unit in ("", "stem", "stage2.0", "stage2.1", "stage3.0", "stage3.1"):
            inputs = tuple(instead.get(name, name) for name in node.inputs)
            if node.name == "mean":
                inputs = (last,)
            kept.append(replace(node, inputs=inputs))
            last = node.name
        else:
            instead[node.name] = last
    return replace(graph, nodes=tuple(kept))
