"""Image classification for studies: networks of three sizes on some of the pictures.

Three kinds of study: of the pictures themselves; of transfer, where what some of the pictures have
taught goes on with all of a second set, and is scored there; and of labels, where the same pictures
have fine or coarse ones. What was taught fine is then scored by the coarse label that its most
probable classes add up to, unless it is transferred.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.errors import UsageError
from frugally.files.disk import digest_of, write_whole
from frugally.fit.memory import keep_freed_memory
from frugally.fit.vision.augmentation import Augmentation
from frugally.fit.vision.fitting import colours
from frugally.fit.vision.onnx_export import onnx_model
from frugally.fit.vision.pictures import Pictures, PictureSet, proposed_side, read_pictures
from frugally.fit.vision.scores import BATCH
from frugally.fit.vision.training import Settings, Trainer
from frugally.fit.vision.training_forms import quick_forms
from frugally.fit.vision.weights import starting_weights
from frugally.nets.onnx_session import open_session
from frugally.nets.trainer import Outcome, Run
from frugally.nets.vision.graph import Graph
from frugally.nets.vision.images import as_input
from frugally.nets.vision.registry import make

NETWORKS = ("shufflenet-0.25x-g3", "shufflenet-0.5x-g3", "shufflenet-1x-g3")
_TRANSFERRED = 0.25  # of the learning rate, for what goes on with other pictures

Weights = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionTrainer:
    """A `Trainer` on pictures in one folder a class; `coarse` are pairs of a class and its kind.

    Every run takes the same number of `steps`, so that only what is learnt from differs; decoded
    pictures are kept in `cache`. `then` is a second set, learnt for `then_steps`.
    """

    path: Path
    cache: Path
    networks: tuple[str, ...] = NETWORKS
    side: int | None = None
    steps: int = 2000
    batch: int = 128
    threads: int = 2
    then: Path | None = None
    then_steps: int = 500
    coarse: tuple[tuple[str, str], ...] = ()
    seed: int = 1013

    def about(self) -> dict[str, Any]:
        """See `Trainer`."""
        data = _Data.of(self)
        for network in self.networks:  # before there are several processes to do so
            self._forms(make(network, data.side, len(data.pictures.classes)))
        settings = {"steps": self.steps, "batch": self.batch, "side": data.side}
        return {
            "task": "image classification",
            "unit": "pictures",
            "examples": len(data.pictures.train),
            "labels": len(data.pictures.classes),
            "held_out": len(_scored(data.then or data.pictures)),
            "capacities": list(self.networks),
            "variants": ["fine", "coarse"] if self.coarse else [data.kind],
            "data": _described(self.path, data.pictures),
            "then": {} if self.then is None or data.then is None
            else {**_described(self.then, data.then), "steps": self.then_steps},
            "coarse": dict(self.coarse),
            **settings,
            "split_seed": self.seed,
        }  # fmt: skip

    def train(self, run: Run) -> Outcome:
        """See `Trainer`."""
        data, began = _Data.of(self), time.perf_counter()
        kinds = data.coarse if run.variant == "coarse" else None
        learnt = _some(data.pictures.train, run)
        if kinds is not None:
            learnt = replace(learnt, labels=kinds.numbers[learnt.labels], classes=kinds.names)
        graph = make(run.capacity, data.side, len(learnt.classes))
        rate = Settings().rate
        begun = starting_weights(graph, run.seed)
        weights = self._taught(graph, begun, learnt, self.steps, rate, run.seed)
        if data.then is None:
            scored = _scored(data.pictures)
            said = _probabilities(graph, weights, scored, data)
            wanted = scored.labels
            if data.coarse is not None:
                said = said if kinds is not None else data.coarse.summed(said)
                wanted = data.coarse.numbers[wanted]
        else:
            other = make(run.capacity, data.side, len(data.then.classes))
            fresh = starting_weights(other, run.seed)
            kept = {k: w if weights[k].shape != w.shape else weights[k] for k, w in fresh.items()}
            rate *= _TRANSFERRED
            weights = self._taught(other, kept, data.then.train, self.then_steps, rate, run.seed)
            scored = _scored(data.then)
            said, wanted, graph = _probabilities(other, weights, scored, data), scored.labels, other
        return Outcome(
            error=float((said.argmax(axis=1) != wanted).mean()),
            held_out=len(wanted),
            parameters=graph.parameters,
            seconds=time.perf_counter() - began,
        )

    def _taught(
        self, graph: Graph, weights: Weights, pictures: PictureSet, steps: int, rate: float,
        seed: int,
    ) -> Weights:  # fmt: skip
        """Weights after so many steps on some pictures."""
        keep_freed_memory()
        data = _Data.of(self)
        each = max(1, len(pictures) // self.batch)
        settings = Settings(
            epochs=steps / each,
            batch=self.batch,
            rate=rate,
            warmup=0.1 * steps / each,
            seed=seed,
            threads=self.threads,
            save_every_seconds=float("inf"),
        )
        with TemporaryDirectory() as folder:
            return Trainer(
                graph,
                dict(weights),
                pictures,
                Augmentation.for_side(data.side),
                settings,
                Path(folder),
                lambda line: None,
                mean=data.mean,
                deviation=data.deviation,
                forms=self._forms(graph),
            ).run()

    def _forms(self, graph: Graph) -> dict[str, str]:
        """The forms to train in, measured when they are first needed and kept beside the pictures.

        All forms are equal functions, but for rounding: with others the outcomes would differ.
        """
        path = self.cache / f"forms-{graph.name}.json"
        try:
            found: dict[str, str] = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            found = quick_forms(graph, self.batch // self.threads)
            write_whole(path, json.dumps(found).encode())
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Kinds:
    """Coarse classes: their names, and the number of the one that each fine class belongs to."""

    names: tuple[str, ...]
    numbers: NDArray[np.int64]

    def summed(self, said: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of fine classes, (N, fine), to those of coarse ones, (N, coarse)."""
        return said @ np.eye(len(self.names), dtype=np.float32)[self.numbers]


@dataclass(frozen=True, slots=True, eq=False)
class _Data:
    pictures: Pictures
    then: Pictures | None
    coarse: _Kinds | None
    side: int
    mean: Sequence[float]
    deviation: Sequence[float]

    @property
    def kind(self) -> str:
        return "plain" if self.then is None else "transfer"

    @staticmethod
    @cache
    def of(trainer: VisionTrainer) -> _Data:
        """The pictures, read once in a process."""
        side = trainer.side or proposed_side(trainer.path)

        def read(path: Path, name: str) -> Pictures:
            return read_pictures(
                path, trainer.cache / name, side=side, seed=trainer.seed, report=lambda line: None
            )

        pictures = read(trainer.path, "pictures")
        then = None if trainer.then is None else read(trainer.then, "then")
        mean, deviation = colours(pictures.train)
        coarse = _kinds(pictures.classes, trainer.coarse) if trainer.coarse else None
        return _Data(pictures, then, coarse, side, mean, deviation)


def _kinds(classes: Sequence[str], coarse: Sequence[tuple[str, str]]) -> _Kinds:
    kind = dict(coarse)
    missing = sorted(set(classes) - set(kind))
    if missing:
        raise UsageError(f"no coarse label is given for {', '.join(missing[:5])}")
    names = tuple(sorted({kind[name] for name in classes}))
    if len(names) < 2:
        raise UsageError("all classes have one coarse label")
    return _Kinds(names, np.array([names.index(kind[name]) for name in classes]))


def _some(pictures: PictureSet, run: Run) -> PictureSet:
    """So many pictures: the same, and more, for a larger size."""
    chosen = np.sort(np.random.default_rng(run.seed).permutation(len(pictures))[: run.size])
    return PictureSet(pictures.images[chosen], pictures.labels[chosen], pictures.classes)


def _scored(pictures: Pictures) -> PictureSet:
    return pictures.test or pictures.validation


def _probabilities(
    graph: Graph, weights: Weights, pictures: PictureSet, data: _Data
) -> NDArray[np.float32]:
    """What a network says of each picture, (N, classes)."""
    session = open_session(onnx_model(graph, weights), 1)
    name = session.get_inputs()[0].name
    found = [
        session.run(None, {name: as_input(pictures.images[at : at + BATCH], data.mean,
                                          data.deviation)})[0]
        for at in range(0, len(pictures), BATCH)
    ]  # fmt: skip
    scores = np.concatenate(found)
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)


def _described(path: Path, pictures: Pictures) -> dict[str, Any]:
    """What says that pictures are the same: an archive's digest, or how many each class has."""
    if path.is_file():
        return {path.name: digest_of(path)}
    counts = np.bincount(pictures.train.labels, minlength=len(pictures.classes))
    return {path.name: dict(zip(pictures.classes, counts.tolist(), strict=True))}
