"""Which of two networks is the quicker, on a machine that others use too."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
from numpy.typing import NDArray

from frugally.nets.onnx_session import open_session
from frugally.nets.vision.graph import INPUT

# A network has to be so much quicker: less than that is noise.
_CLEARLY = 0.99
_SECONDS, _LEAST_ROUNDS, _MOST_ROUNDS = 0.5, 10, 80


class Timer:
    """Times networks, with `threads` threads, on the same images (N, channels, height, width).

    One thread is timed by its own processor time, which does not count what others do on the
    machine meanwhile; several by the clock.
    """

    def __init__(self, images: NDArray[np.float32], threads: int) -> None:
        self._images = images
        self._threads = threads
        self.last = 0.0
        self._clock = time.thread_time if threads == 1 else time.perf_counter

    def is_quicker(self, model: bytes, than: bytes) -> bool:
        """Whether it clearly is, twice."""
        for _ in range(2):
            taken = self._taken([model, than])
            # Two runs one after the other find the machine in the same state.
            if np.median(taken[:, 0] / taken[:, 1]) > _CLEARLY:
                return False
        self.last = float(np.median(taken[:, 0]))
        return True

    def milliseconds(self, models: list[bytes]) -> list[float]:
        """The median for each of some runs, made in turns."""
        return [float(ms) for ms in np.median(self._taken(models), axis=0)]

    def _taken(self, models: list[bytes]) -> NDArray[np.float64]:
        """(runs, models) milliseconds."""
        runs = [
            partial(open_session(model, self._threads).run, None, {INPUT: self._images})
            for model in models
        ]
        began = time.perf_counter()
        for run in runs:
            run()
        once = time.perf_counter() - began
        rounds = min(_MOST_ROUNDS, max(_LEAST_ROUNDS, round(_SECONDS / once)))
        taken = np.empty((rounds, len(runs)))
        for turn, row in enumerate(taken):
            # Who runs after the other finds its data in the cache, or not: by turns.
            for i in np.roll(np.arange(len(runs)), turn):
                began = self._clock()
                runs[i]()
                row[i] = self._clock() - began
        return taken * 1e3
