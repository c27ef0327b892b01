"""Training an image classifier on CPU: data-parallel threads, bfloat16, averaged weights.

A step's images are dealt out to `threads` threads, each of which augments its share and runs
forward and backward on it with one core; batch norm normalises each share by itself. The gradients
add up. The result depends on the seed, the number of threads and the settings, not on timing.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from frugally.errors import FitError, UsageError
from frugally.fit.checkpoint import load_checkpoint, save_checkpoint
from frugally.fit.data_parallel import take_step
from frugally.fit.interruption import uninterrupted
from frugally.fit.vision.augmentation import Augmentation, augmented
from frugally.fit.vision.network import Arrays, GraphNetwork
from frugally.fit.vision.pictures import PictureSet
from frugally.nets.vision.graph import Graph
from frugally.nets.vision.images import as_input

Report = Callable[[str], None]
Teacher = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Images as the network sees them, (N, 3, H, W), to their logits, (N, classes)."""


_WARM = 0.2  # of all steps, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to train: stochastic gradient descent with Nesterov's momentum.

    The learning rate rises over `warmup` epochs, a fifth of all at most, to `rate` and falls by
    `schedule` to 0 at the end of `epochs`. `decay` pulls the weights of convolutions and products
    to 0, not those of norms and biases. A gradient longer than `clip` is shortened to it.
    `smoothing` spreads a share of each label over all classes. `average` is how much of the
    averaged weights stays in a step. With a teacher the loss is

        (1 - distilled) CE(y, z) + distilled T² KL(softmax(z_teacher / T) || softmax(z / T))

    (Hinton, Vinyals and Dean 2015), T being `temperature`.
    """

    epochs: float = 30.0
    batch: int = 128
    rate: float = 0.2
    schedule: Literal["cosine", "linear"] = "cosine"
    warmup: float = 1.0
    momentum: float = 0.9
    decay: float = 5e-4
    clip: float = 1.0
    smoothing: float = 0.1
    average: float = 0.995
    distilled: float = 0.7
    temperature: float = 4.0
    seed: int = 1013
    threads: int = 2
    bfloat16: bool = True
    save_every_seconds: float = 240.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "rate", "threads", "temperature"):
            number = getattr(self, name)
            if not 0 < number < math.inf:
                raise UsageError(f"{name} must be above 0 and not without end, not {number:g}")
        if not 0 <= self.distilled <= 1:
            raise UsageError("a teacher's part of the loss is from 0 to 1")

    @property
    def share(self) -> int:
        """The most images of a batch that a thread has."""
        return -(-self.batch // self.threads)

    def as_dict(self) -> dict[str, Any]:
        """The settings by name, for a card or a checkpoint."""
        return asdict(self)


@dataclass(slots=True)
class Progress:
    """Where a run is: `seconds` counts training only, over all the times it was resumed."""

    step: int = 0
    seconds: float = 0.0


class Trainer:
    """One training run, from its first step or from its last checkpoint.

    `images` are normalised by `mean` and `deviation`, of each channel, in units of 0 to 1. `about`
    is what a run that is resumed must have in common with this one, beside the settings.
    """

    def __init__(
        self,
        graph: Graph,
        weights: Arrays,
        train: PictureSet,
        augmentation: Augmentation,
        settings: Settings,
        folder: Path,
        report: Report,
        *,
        mean: Sequence[float],
        deviation: Sequence[float],
        forms: Mapping[str, str] | None = None,
        teacher: Teacher | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.train_set = train
        self.augmentation, self.settings = augmentation, settings
        self.folder, self.report, self.teacher = folder, report, teacher
        self.mean, self.deviation = mean, deviation
        known = {
            **(about or {}),
            "graph": graph.as_dict(),
            "teacher": teacher is not None,
            "augmentation": augmentation.as_dict(),
        }
        self.about = json.loads(json.dumps(known))  # as a checkpoint has it
        self.network = GraphNetwork(graph, weights, forms)
        named = dict(self.network.named_parameters())
        self.names = list(named)
        self.parameters = list(named.values())
        self.averages = [p.detach().clone() for p in self.parameters]
        decayed = [p for p in self.parameters if p.dim() > 1]
        rest = [p for p in self.parameters if p.dim() <= 1]
        groups: list[dict[str, Any]] = [
            {"params": decayed, "weight_decay": settings.decay},
            {"params": rest},
        ]
        self.optimiser = torch.optim.SGD(
            groups, lr=settings.rate, momentum=settings.momentum, nesterov=True, foreach=True,
        )  # fmt: skip
        self.steps_each = max(1, len(train.labels) // settings.batch)
        self.steps = max(1, round(settings.epochs * self.steps_each))
        self.progress = Progress()

    # -- the run ---------------------------------------------------------------------------

    def run(self) -> Arrays:
        """Train to the end; returns the averaged weights, with the norms' numbers for them."""
        settings, progress = self.settings, self.progress
        threads_before = torch.get_num_threads()
        torch.set_num_threads(1)
        saved = spoken = time.monotonic()
        recent: list[float] = []
        try:
            with ThreadPoolExecutor(settings.threads, "train") as pool:
                order = self._order(progress.step // self.steps_each)
                while progress.step < self.steps:
                    begin = time.monotonic()
                    with uninterrupted():
                        epoch, place = divmod(progress.step, self.steps_each)
                        if place == 0:
                            order = self._order(epoch)
                        chosen = order[place * settings.batch : (place + 1) * settings.batch]
                        try:
                            recent.append(self._step(chosen, pool))
                        except FitError:
                            progress.step += 1  # who resumes the run goes on behind these pictures
                            raise
                        progress.step += 1
                        now = time.monotonic()
                        progress.seconds += now - begin
                    if now - spoken > 15:
                        self.report(self._line(recent))
                        spoken, recent = now, []
                    if now - saved > settings.save_every_seconds:
                        self.save()
                        saved = now
                weights = self.final()
                self.save()
        except (KeyboardInterrupt, FitError):
            self.save()
            self.report(f"saved at step {self.progress.step:,} of {self.steps:,}, to be resumed")
            raise
        finally:
            torch.set_num_threads(threads_before)
        return weights

    def final(self, images: int = 4096) -> Arrays:
        """The averaged weights, and norms estimated for them over some training images."""
        network = GraphNetwork(self.network.graph, self.network.arrays())
        with torch.no_grad():
            for mine, average in zip(network.parameters(), self.averages, strict=True):
                mine.copy_(average)
        rng = np.random.default_rng((self.settings.seed, 2))
        count = len(self.train_set.labels)
        chosen = np.sort(rng.permutation(count)[: min(images, count)])
        network.estimate(self._plain(chosen))
        return network.arrays()

    def _plain(self, chosen: NDArray[np.int64], size: int = 256) -> Iterator[Tensor]:
        for start in range(0, len(chosen), size):
            images = self.train_set.images[chosen[start : start + size]]
            shown = torch.from_numpy(as_input(images, self.mean, self.deviation))
            yield shown.contiguous(memory_format=torch.channels_last)

    # -- one step --------------------------------------------------------------------------

    def _order(self, epoch: int) -> NDArray[np.int64]:
        rng = np.random.default_rng((self.settings.seed, epoch))
        count = len(self.train_set.labels)
        # Fewer images than a batch are gone through more than once.
        return np.concatenate(
            [rng.permutation(count) for _ in range(-(-self.settings.batch // count))]
        )

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        settings = self.settings
        warm = min(settings.warmup * self.steps_each, _WARM * self.steps)
        if step < warm:
            return settings.rate * (step + 1) / (warm + 1)
        done = (step - warm) / max(1.0, self.steps - warm)
        fallen = 0.5 * (1 + math.cos(math.pi * done)) if settings.schedule == "cosine" else 1 - done
        return settings.rate * max(0.0, fallen)

    def _step(self, chosen: NDArray[np.int64], pool: ThreadPoolExecutor) -> float:
        settings, step = self.settings, self.progress.step
        self.network.drop_paths(step / self.steps)
        shares = [share for share in np.array_split(chosen, settings.threads) if len(share)]
        parts = list(
            pool.map(lambda one: self._gradients(one[1], len(chosen), one[0]), enumerate(shares))
        )
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(step)
        return take_step(
            parts,
            self.parameters,
            self.averages,
            self.optimiser,
            step=step,
            clip=settings.clip,
            average=settings.average,
        )

    def _gradients(
        self, chosen: NDArray[np.int64], of: int, share: int
    ) -> tuple[float, tuple[Tensor, ...]]:
        torch.set_num_threads(1)  # OpenMP keeps this number for each thread
        settings = self.settings
        seed = np.random.SeedSequence((settings.seed, self.progress.step, share))
        rng = np.random.default_rng(seed)
        generator = torch.Generator().manual_seed(int(seed.generate_state(1)[0]))
        self.network.draws.generator = generator
        chosen = np.sort(chosen)
        images, targets = augmented(
            self.train_set.images[chosen], self.train_set.labels[chosen],
            len(self.train_set.classes), self.augmentation, rng,
        )  # fmt: skip
        inputs = as_input(images, self.mean, self.deviation)
        x = torch.from_numpy(inputs).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.bfloat16, cache_enabled=False):
            scores = self.network(x)
        value = self._loss(scores.float(), torch.from_numpy(targets), inputs) / of
        return float(value.detach()), torch.autograd.grad(value, self.parameters)

    def _loss(self, scores: Tensor, targets: Tensor, inputs: NDArray[np.float32]) -> Tensor:
        """Summed over the images."""
        settings = self.settings
        smooth = settings.smoothing
        targets = targets * (1 - smooth) + smooth / targets.shape[1]
        told = -(targets * scores.log_softmax(dim=1)).sum()
        if self.teacher is None:
            return told
        heat = settings.temperature
        soft = (torch.from_numpy(self.teacher(inputs)) / heat).log_softmax(dim=1)
        apart = functional.kl_div(
            (scores / heat).log_softmax(dim=1), soft, reduction="sum", log_target=True
        )
        return (1 - settings.distilled) * told + settings.distilled * heat**2 * apart

    # -- what people and checkpoints see ---------------------------------------------------

    def _line(self, recent: list[float]) -> str:
        progress = self.progress
        left = progress.seconds / progress.step * (self.steps - progress.step)
        rate = progress.step * self.settings.batch / progress.seconds
        return (
            f"epoch {progress.step / self.steps_each:.2f} of {self.settings.epochs:g} · "
            f"loss {np.mean(recent):.3f} · {rate:,.0f} images/s · {left / 60:.0f} min left"
        )

    def save(self) -> None:
        """Write a checkpoint to the run's folder."""
        tensors: dict[str, Tensor] = {}
        for name, parameter, average in zip(
            self.names, self.parameters, self.averages, strict=True
        ):
            tensors[f"weight.{name}"] = parameter.detach().contiguous()
            tensors[f"average.{name}"] = average.contiguous()
            momentum = self.optimiser.state.get(parameter, {}).get("momentum_buffer")
            if momentum is not None:
                tensors[f"momentum.{name}"] = momentum.contiguous()
        state = {"settings": self.settings.as_dict(), "about": self.about,
                 **asdict(self.progress)}  # fmt: skip
        save_checkpoint(self.folder, tensors, state)

    def resume(self) -> bool:
        """Go on from the folder's checkpoint; False if there is none.

        Raises:
            UsageError: it was made of something else.
            NetError: it is damaged.
        """
        found = load_checkpoint(self.folder)
        if found is None:
            return False
        tensors, state = found
        ours = {**self.settings.as_dict(), **self.about}
        theirs = {**state["settings"], **state["about"]}
        names = (ours.keys() | theirs.keys()) - {"save_every_seconds"}
        changed = sorted(name for name in names if ours.get(name) != theirs.get(name))
        if changed:
            raise UsageError(
                f"the checkpoint in {self.folder} was made with something else "
                f"({', '.join(changed)})",
                hint="start again without --resume, or in another folder",
            )
        with torch.no_grad():
            for name, parameter, average in zip(
                self.names, self.parameters, self.averages, strict=True
            ):
                parameter.copy_(tensors[f"weight.{name}"])
                average.copy_(tensors[f"average.{name}"])
                if f"momentum.{name}" in tensors:
                    kept = torch.empty_like(parameter).copy_(tensors[f"momentum.{name}"])
                    self.optimiser.state[parameter]["momentum_buffer"] = kept
        self.progress = Progress(**{k: state[k] for k in ("step", "seconds")})
        return True
