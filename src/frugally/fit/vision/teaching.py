"""A larger network that teaches: a folder with an image classifier, or any ONNX file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from frugally.errors import NetError, UsageError
from frugally.files.disk import digest_of
from frugally.fit.vision.graph_scores import GraphScores
from frugally.fit.vision.saving import GRAPH
from frugally.fit.vision.sources import load_source
from frugally.nets.card import CARD
from frugally.nets.onnx_session import open_session
from frugally.nets.vision.image_classifier import NETWORK, ImageClassifier, Input

Scores = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class Teacher:
    """Gives its scores of images as the student sees them, normalised in the student's way.

    They are brought to the teacher's size (bilinear) and normalisation. A folder's card says what
    these are and which classes it knows; an ONNX file is taken to be normalised as ImageNet's are
    and to have the student's classes in their order. `digest` tells teachers apart.
    """

    def __init__(
        self, scores: Scores, given: Input, mean: Sequence[float], deviation: Sequence[float],
        digest: str = "",
    ) -> None:  # fmt: skip
        self._scores, self.given, self.digest = scores, given, digest
        shape = (1, 3, 1, 1)
        ours = [np.array(one, np.float32).reshape(shape) for one in (mean, deviation)]
        theirs = [np.array(one, np.float32).reshape(shape) for one in (given.mean, given.deviation)]
        # x_teacher = (x · deviation + mean - mean_teacher) / deviation_teacher
        self._factor, self._offset = ours[1] / theirs[1], (ours[0] - theirs[0]) / theirs[1]

    @classmethod
    def load(
        cls, path: Path, classes: Sequence[str], mean: Sequence[float],
        deviation: Sequence[float], *, bfloat16: bool = True,
    ) -> Teacher:  # fmt: skip
        """From a folder made by `frugally fit vision`, or an ONNX file.

        A folder's network is computed in bfloat16, as the student is, if it is to be and the folder
        has the graph; all others run as they were written.

        Raises:
            UsageError: it knows other classes.
            NetError: it is no network for images.
        """
        if (path / CARD).is_file():
            # Loaded whole, so that its files are checked against its card.
            told = ImageClassifier.load(path, threads=1)
            if list(told.labels) != list(classes):
                unknown = sorted(set(classes) - set(told.labels))
                raise UsageError(
                    f"the teacher in {path} knows other classes than the pictures"
                    + (f": not {', '.join(unknown[:5])}" if unknown else "")
                )
            scores = _ran(told.session)
            if bfloat16 and (path / GRAPH).is_file():
                graph, weights, _ = load_source(str(path), None)
                scores = GraphScores(graph, weights, bfloat16=True)
            digest = digest_of(path / NETWORK)
            return cls(scores, told.input, mean, deviation, digest)
        if not path.is_file():
            what = f"{path} holds no classifier" if path.is_dir() else f"there is no teacher {path}"
            raise UsageError(what, hint="a folder made by `frugally fit vision`, or an ONNX file")
        session = open_session(path, 1)
        given, made = session.get_inputs(), session.get_outputs()
        if len(given) != 1 or len(given[0].shape) != 4 or given[0].shape[1] != 3:
            raise NetError(f"{path} does not take images of (N, 3, height, width)")
        if made[0].shape[-1] != len(classes):
            raise UsageError(f"{path} tells {made[0].shape[-1]} classes, not {len(classes)}")
        side = [size if isinstance(size, int) else 0 for size in given[0].shape[2:]]
        if isinstance(given[0].shape[0], int):
            raise NetError(f"{path} takes {given[0].shape[0]} images at a time and no other number")
        size = Input(height=side[0] or 224, width=side[1] or 224)
        return cls(_logits(_ran(session), size), size, mean, deviation, digest_of(path))

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 3, H, W) as the student sees them to scores (N, classes)."""
        x = torch.from_numpy(images * self._factor + self._offset)
        size = (self.given.height, self.given.width)
        if tuple(x.shape[2:]) != size:
            x = functional.interpolate(x, size, mode="bilinear", antialias=True)
        return self._scores(x.numpy())


def _logits(scores: Scores, size: Input) -> Scores:
    """Scores as they are; of a network that ends in a softmax, their logarithms."""
    images = np.random.default_rng(0).standard_normal((8, 3, size.height, size.width), np.float32)
    found = scores(images)
    if found.min() < 0 or np.abs(found.sum(axis=1) - 1).max() > 1e-3:
        return scores
    return lambda images: np.log(np.maximum(scores(images), np.finfo(np.float32).tiny))


def _ran(session: Any) -> Scores:
    """What an ONNX Runtime session of one input and one output computes."""
    name = session.get_inputs()[0].name

    def scores(images: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            return np.asarray(session.run(None, {name: images})[0], np.float32)
        except Exception as error:  # onnxruntime's own kinds share no base class
            reason = " ".join(str(error).split())
            raise NetError(
                f"the teacher does not run on float32 images of {images.shape[1:]}: {reason}"
            ) from error

    return scores
