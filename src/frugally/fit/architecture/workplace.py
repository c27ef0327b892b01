"""Where cells are tried: the pictures, how networks are stacked and trained, and who says what.

A `Workplace` is a few paths and numbers that travel to any process, which makes of it the
`Evaluators` that it needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from frugally.errors import LockedError, NetError, UsageError
from frugally.files.disk import write_whole
from frugally.files.lock import writer_lock
from frugally.fit.architecture.evaluator import (
    Evaluator,
    Score,
    ShortTraining,
)
from frugally.fit.architecture.known_forms import KnownForms
from frugally.fit.architecture.proxy import Proxy
from frugally.fit.architecture.space import Space
from frugally.fit.architecture.supernet import SharedTraining, Supernet, shared_weights
from frugally.fit.vision.fitting import colours
from frugally.fit.vision.pictures import (
    Pictures,
    PictureSet,
    digest_of_pictures,
    read_pictures,
)
from frugally.fit.vision.training import Settings
from frugally.nets.vision.cells.cell import Cell
from frugally.nets.vision.cells.stacking import Stack

EVALUATORS = ("proxy", "shared", "short")
"""Who can say what a cell is worth, the cheapest first."""
SUPERNET, FORMS = "supernet", "forms.json"


class PicturesChangedError(UsageError):
    """The pictures are not those that the search began with."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            f"the pictures of {path} are not those that the search began with",
            hint="put them back, or begin a new search in another folder",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Pictures at `path`, seen with a `side`, decoded in `cache`; networks stacked as `stack`.

    Cells are tried on `learnt` pictures and scored on `held` others, drawn by `seed`; `settings`
    are those of training. The pictures have to have the `digest`. In `folder` lie the shared
    weights and the forms of layers that were measured.
    """

    path: str
    cache: str
    folder: str
    side: int
    seed: int
    digest: str
    stack: Stack
    settings: Settings
    learnt: int = 8192
    held: int = 2048

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Workplace:
        """What `as_dict` gave."""
        stack, settings = Stack(**entry["stack"]), Settings(**entry["settings"])
        return cls(**{**entry, "stack": stack, "settings": settings})

    def pictures(self) -> Pictures:
        """All of the pictures.

        Raises:
            PicturesChangedError: they are others than those of the digest.
        """
        found = read_pictures(
            Path(self.path), Path(self.cache), side=self.side, seed=self.seed, report=lambda _: None
        )
        if digest_of_pictures(found.train, found.validation) != self.digest:
            raise PicturesChangedError(self.path)
        return found


def parted(
    pictures: PictureSet, learnt: int, held: int, seed: int
) -> tuple[PictureSet, PictureSet]:
    """Pictures to learn from and others to be scored on, drawn by chance, each in their order.

    At most so many; of few pictures a fifth is held back. Both are of those to train on: who is
    chosen by a score is not measured by it, and the classifier's card is of others.
    """
    order = np.random.default_rng((seed, 6)).permutation(len(pictures))
    held = min(held, -(-len(pictures) // 5))
    parts = [np.sort(order[held : held + learnt]), np.sort(order[:held])]
    first, second = (
        PictureSet(pictures.images[part], pictures.labels[part], pictures.classes) for part in parts
    )
    return first, second


class Evaluators:
    """Those of a workplace, in this process, each made when it is first asked."""

    def __init__(self, place: Workplace) -> None:
        self.place = place
        whole = place.pictures()
        self.mean, self.deviation = colours(whole.train)
        self.train, self.held = parted(whole.train, place.learnt, place.held, place.seed)
        self._path = Path(place.folder) / FORMS
        self._kept = _forms(self._path)
        self.forms = KnownForms(
            place.settings.share, bfloat16=place.settings.bfloat16, known=self._kept
        )
        self._made: dict[tuple[str, Stack], Evaluator] = {}

    def evaluate(
        self, name: str, cell: Cell, seed: int, budget: float, stack: Stack | None = None
    ) -> Score:
        """What the evaluator of a name says of a cell, stacked as the workplace says or otherwise.

        Raises:
            UsageError: there is no such evaluator, or its shared weights are not there.
            FitError: its training diverged.
        """
        key = name, stack or self.place.stack
        if key not in self._made:
            self._made[key] = self._make(*key)
        score = self._made[key].evaluate(cell, seed, budget)
        self._keep_forms()
        return score

    def train_shared(
        self, space: Space, passes: float, enough: Callable[[], bool],
        report: Callable[[str], None],
    ) -> int | None:  # fmt: skip
        """Train the weights that cells of a space share, or go on.

        Returns the operations that it took, or None if it was `enough` before the end.

        Raises:
            FitError: they diverged.
            UsageError: those that are there are of something else.
        """
        place = self.place
        supernet = Supernet(
            space, place.stack, self.train, replace(place.settings, epochs=passes),
            Path(place.folder) / SUPERNET, mean=self.mean, deviation=self.deviation,
            forms=self.forms, about={"pictures": place.digest}, report=report,
        )  # fmt: skip
        if supernet.resume() and supernet.step < supernet.steps:
            report(f"shared weights: resumed at step {supernet.step:,} of {supernet.steps:,}")
        done = supernet.step >= supernet.steps or supernet.run(enough)
        self._keep_forms()
        return supernet.flops if done else None

    def _make(self, name: str, stack: Stack) -> Evaluator:
        how: dict[str, Any] = {"mean": self.mean, "deviation": self.deviation}
        if name == "proxy":
            return Proxy(self.train, stack, **how)
        if name == "shared":
            weights = shared_weights(Path(self.place.folder) / SUPERNET)
            return SharedTraining(weights, self.train, self.held, stack, **how)
        if name == "short":
            return ShortTraining(
                self.train, self.held, stack, settings=self.place.settings,
                forms=self.forms, **how,
            )  # fmt: skip
        raise UsageError(
            f"there is no evaluator {name!r:.80}", hint=f"there are {', '.join(EVALUATORS)}"
        )

    def _keep_forms(self) -> None:
        """What was measured anew, for other processes and for who goes on with the search."""
        mine = self.forms.as_dict()
        if not mine.keys() - self._kept.keys():
            return
        # Where another process is at it, it is for the next time.
        with suppress(LockedError), writer_lock(self._path.with_name(f"{FORMS}.lock")):
            kept = {**mine, **_forms(self._path)}
            write_whole(self._path, json.dumps(kept).encode())
            self._kept = kept


def _forms(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError) as error:
        raise NetError(
            f"{path} is damaged: {error!r}", hint="remove it: it is made anew"
        ) from error
