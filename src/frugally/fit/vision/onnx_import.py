"""An ONNX file, or a torch module by way of one, as a graph of layers with its weights.

What can be imported is what LAYERS has: networks of convolutions, pools, norms and products that
take one image and give one row of scores. Anything else is refused by operator and node.
"""

from __future__ import annotations

import io
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx

from frugally.errors import NetError
from frugally.fit.vision.onnx_operators import Translation, Weights
from frugally.nets.vision.graph import Graph

# What onnxruntime would fuse away and training needs.
_UNFUSED = ["ConvBNFusion", "ConvMulFusion", "ConvAddFusion", "ConvActivationFusion",
            "GemmActivationFusion", "MatMulAddFusion", "ReluClipFusion"]  # fmt: skip


def import_onnx(model: Path | bytes, size: tuple[int, int] = (224, 224)) -> tuple[Graph, Weights]:
    """The graph of an ONNX file and its weights, by the names of `Graph.weights`.

    `size`, (height, width), is that of the images where the file leaves it open.

    Raises:
        NetError: it is no ONNX file, or has a node that is none of our layers, which it names.
    """
    try:
        proto = onnx.load(str(model)) if isinstance(model, Path) else onnx.load_from_string(model)
    except Exception as error:  # protobuf's and onnx's own kinds
        what = model if isinstance(model, Path) else "the network"
        raise NetError(f"{what} is not an ONNX file: {_short(error)}") from error
    name = model.stem if isinstance(model, Path) else "imported"
    return Translation(_folded(_fixed(proto, size)), name).run()


def import_module(module: Any, size: tuple[int, int] = (32, 32)) -> tuple[Graph, Weights]:
    """The graph of a torch module that takes images (N, 3, height, width), and its weights.

    Raises:
        NetError: torch cannot trace it, or it has something that is none of our layers.
    """
    import torch

    if not isinstance(module, torch.nn.Module):
        raise NetError(f"a torch module is what can be imported, not {type(module).__name__}")
    was_training = module.training
    with TemporaryDirectory() as folder:
        written = Path(folder, f"{type(module).__name__}.onnx")
        try:
            # Torch prints what it could not trace; and that this way of tracing is the old one.
            with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                torch.onnx.export(
                    module.eval(), (torch.zeros(1, 3, *size),), str(written), dynamo=False,
                    do_constant_folding=False,
                )  # fmt: skip
        except Exception as error:  # whatever the user's own code raises
            raise NetError(f"torch cannot trace the network: {_short(error)}") from error
        finally:
            module.train(was_training)
        return import_onnx(written, size)


def _fixed(proto: Any, size: tuple[int, int]) -> Any:
    """The model for one image of a known size."""
    constants = {tensor.name for tensor in proto.graph.initializer}
    images = [one for one in proto.graph.input if one.name not in constants]
    if len(images) != 1:
        raise NetError(f"the network takes {len(images)} inputs; one image is what can be imported")
    dimensions = images[0].type.tensor_type.shape.dim
    if len(dimensions) != 4:
        raise NetError(f"the network's input has {len(dimensions)} dimensions, an image's has 4")
    for dimension, value in zip(dimensions, (1, 3, *size), strict=True):
        if dimension.dim_value <= 0:
            dimension.dim_value = value
    dimensions[0].dim_value = 1
    return proto


def _folded(proto: Any) -> Any:
    """The model with all that is constant computed: shapes above all."""
    import onnxruntime

    with TemporaryDirectory() as folder:
        target = Path(folder, "folded.onnx")
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(target)
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.log_severity_level = 4
        try:
            onnxruntime.InferenceSession(
                proto.SerializeToString(), options, providers=["CPUExecutionProvider"],
                disabled_optimizers=_UNFUSED,
            )  # fmt: skip
            return onnx.load(str(target))
        except Exception as error:  # onnxruntime's own kinds share no base class
            raise NetError(f"onnxruntime cannot open the network: {_short(error)}") from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
