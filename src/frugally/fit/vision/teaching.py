"""A larger network that teaches: a folder with an image classifier, or any ONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from frugally.errors import NetError, UsageError
from frugally.nets.card import CARD
from frugally.nets.onnx_session import open_session
from frugally.nets.vision.image_classifier import ImageClassifier, Input


class Teacher:
    """Gives its scores of images as the student sees them, normalised in the student's way.

    They are brought to the teacher's size (bilinear) and normalisation. A folder's card says what
    these are and which classes it knows; an ONNX file is taken to be normalised as ImageNet's are
    and to have the student's classes in their order.
    """

    def __init__(
        self, session: Any, given: Input, mean: Sequence[float], deviation: Sequence[float]
    ) -> None:
        self._session, self.given = session, given
        self._name = session.get_inputs()[0].name
        shape = (1, 3, 1, 1)
        ours = [np.array(one, np.float32).reshape(shape) for one in (mean, deviation)]
        theirs = [np.array(one, np.float32).reshape(shape) for one in (given.mean, given.deviation)]
        # x_teacher = (x · deviation + mean - mean_teacher) / deviation_teacher
        self._factor, self._offset = ours[1] / theirs[1], (ours[0] - theirs[0]) / theirs[1]

    @classmethod
    def load(
        cls, path: Path, classes: Sequence[str], mean: Sequence[float], deviation: Sequence[float]
    ) -> Teacher:
        """From a folder made by `frugally fit vision`, or an ONNX file.

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
            return cls(told.session, told.input, mean, deviation)
        if not path.is_file():
            raise UsageError(f"there is no teacher {path}", hint="a folder or an ONNX file")
        session = open_session(path, 1)
        given, made = session.get_inputs(), session.get_outputs()
        if len(given) != 1 or len(given[0].shape) != 4 or given[0].shape[1] != 3:
            raise NetError(f"{path} does not take images of (N, 3, height, width)")
        if made[0].shape[-1] != len(classes):
            raise UsageError(f"{path} tells {made[0].shape[-1]} classes, not {len(classes)}")
        side = [size if isinstance(size, int) else 0 for size in given[0].shape[2:]]
        if isinstance(given[0].shape[0], int):
            raise NetError(f"{path} takes {given[0].shape[0]} images at a time and no other number")
        return cls(session, Input(height=side[0] or 224, width=side[1] or 224), mean, deviation)

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N, 3, H, W) as the student sees them to scores (N, classes)."""
        x = torch.from_numpy(images * self._factor + self._offset)
        size = (self.given.height, self.given.width)
        if tuple(x.shape[2:]) != size:
            x = functional.interpolate(x, size, mode="bilinear", antialias=True)
        (scores,) = self._session.run(None, {self._name: x.numpy()})
        return np.asarray(scores, np.float32)
