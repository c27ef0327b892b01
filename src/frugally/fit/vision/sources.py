"""Where a network to go on from comes from: a folder, an ONNX file, or a function of the user's."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from frugally.errors import NetError, UsageError
from frugally.fit.vision.onnx_import import import_module, import_onnx
from frugally.fit.vision.saving import GRAPH, WEIGHTS
from frugally.fit.vision.weights import load_weights
from frugally.nets.vision.graph import Graph
from frugally.nets.vision.image_classifier import ImageClassifier, Input

Loaded = tuple[Graph, dict[str, NDArray[np.float32]], Input | None]


def load_source(name: str, side: int | None) -> Loaded:
    """A network as a graph with its weights, and how its images are normalised if that is known.

    `name` is a folder made by `frugally fit`, an .onnx file, or FILE.py:FUNCTION, a function that
    returns a torch module for images (N, 3, side, side); calling it runs the user's own code. The
    module keeps the weights that it comes with.

    Raises:
        UsageError: there is no such thing.
        NetError: it cannot be imported; the message says which operator or node is the reason.
    """
    path = Path(name)
    if path.is_dir():
        given = ImageClassifier.load(path, threads=1).input
        try:
            graph = Graph.from_dict(json.loads((path / GRAPH).read_text("utf-8")))
        except (OSError, ValueError) as error:
            raise NetError(f"{path} holds no {GRAPH}: {error}") from error
        return graph, load_weights(path / WEIGHTS, graph), given
    size = (side or 224, side or 224)
    if path.suffix == ".onnx":
        if not path.is_file():
            raise UsageError(f"there is no {path}")
        return *import_onnx(path, size), None
    file, _, function = name.rpartition(":")
    if not file.endswith(".py") or not function.isidentifier():
        raise UsageError(
            f"{name!r} is no network", hint="a folder, an .onnx file, or mymodel.py:build"
        )
    return *import_module(_made(Path(file), function), size), None


def _made(file: Path, function: str) -> object:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise UsageError(f"there is no {file}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        return getattr(module, function)()
    except Exception as error:  # the user's own code may raise anything
        raise UsageError(f"{file}:{function} fails: {type(error).__name__}: {error}") from error
