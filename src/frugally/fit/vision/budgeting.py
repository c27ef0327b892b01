"""The network that is trained: the largest that keeps the budget when it is written.

Networks are chosen by counting, and by measuring them as their graph says; how many bytes one takes
with its card, and how long in its quickest form, is only known when it is written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from frugally.budget import Budget
from frugally.errors import BudgetError, NetError, UsageError
from frugally.fit.refusal import limit_of
from frugally.fit.vision.cell_stacks import largest_stack, smallest_stack
from frugally.fit.vision.choosing import Seconds, choose, fits, least, no_network, stored_bytes
from frugally.fit.vision.forms import Choice, optimised, written
from frugally.fit.vision.onnx_export import onnx_model
from frugally.fit.vision.pictures import Pictures
from frugally.fit.vision.quantising import in_eight_bits
from frugally.fit.vision.saving import described, longest_card, timed
from frugally.fit.vision.training import Report, Settings
from frugally.fit.vision.training_forms import quick_forms
from frugally.fit.vision.weights import random_weights, starting_weights
from frugally.nets.card import Card
from frugally.nets.vision.cells.cell import Cell
from frugally.nets.vision.cells.stacking import stacked
from frugally.nets.vision.graph import Graph
from frugally.nets.vision.image_classifier import Input
from frugally.nets.vision.registry import make

_SLACK = 0.9  # of a budget's time is used: machines are noisy
_NEAR = 0.85  # of that is near enough: nothing larger is looked for
_TRIES = 8  # networks written and measured before a budget is given up


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A network before it is trained: how it will be trained and written, and what it takes.

    `activations` are those of 8 bits with which it kept the budget; None: it is in floats.
    """

    graph: Graph
    choice: Choice
    seconds: float
    forms: Mapping[str, str]
    activations: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON: a run that is resumed goes on with what was measured when it began."""
        return {"graph": self.graph.as_dict(), "choice": self.choice.as_dict(),
                "seconds": self.seconds, "forms": dict(self.forms),
                "activations": self.activations}  # fmt: skip


def recalled(path: Path, asked: Mapping[str, Any]) -> Planned | None:
    """What a run that is resumed began with, if it came so far.

    Raises:
        UsageError: it was asked for something else.
        NetError: the file is damaged.
    """
    try:
        entry = json.loads(path.read_text("utf-8"))
        changed = sorted(name for name in asked if asked[name] != entry["asked"][name])
        if changed:
            raise UsageError(
                f"the run in {path.parent} was begun with something else: {', '.join(changed)}",
                hint="start again without --resume, or in another folder",
            )
        return Planned(
            graph=Graph.from_dict(entry["graph"]), choice=Choice.from_dict(entry["choice"]),
            seconds=float(entry["seconds"]), forms=dict(entry["forms"]),
            activations=entry["activations"],
        )  # fmt: skip
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NetError(f"{path} is no plan of a run: {error!r}") from error


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Networks to choose from: of some families, one by its name, or all stacked from a cell."""

    families: Sequence[str]
    network: str | None
    cell: Cell | None
    drop: float
    side: int
    classes: int
    bits: int
    seconds: Seconds

    @property
    def what(self) -> str:
        """What they are, for people."""
        if self.cell is not None:
            return f"cell {self.cell.digest[:8]}"
        return self.network or ", ".join(self.families)

    def largest(self, budget: Budget, report: Report) -> Graph:
        """The largest that keeps a budget, by counting and measuring.

        Raises:
            BudgetError: none does.
        """
        how: dict[str, Any] = {
            "side": self.side, "classes": self.classes, "bits": self.bits, "report": report,
        }  # fmt: skip
        if self.cell is not None:
            stack = largest_stack(self.cell, budget, seconds=self.seconds, **how)
            return stacked(self.cell, replace(stack, drop=self.drop), self.side, self.classes)
        if self.network is None:
            return choose(budget, self.families, seconds=self.seconds, **how)
        graph = make(self.network, self.side, self.classes)
        if not fits(graph, replace(budget, seconds=None), self.bits, self.seconds):
            raise no_network(graph.name, graph, [], budget, self.side, self.classes)
        return graph

    def least(self, budget: Budget) -> Graph:
        """The one that comes nearest to a budget that none keeps."""
        if self.cell is not None:
            stack = replace(smallest_stack(), drop=self.drop)
            return stacked(self.cell, stack, self.side, self.classes)
        if self.network is None:
            return least(
                budget, self.families, side=self.side, classes=self.classes, bits=self.bits,
                seconds=self.seconds,
            )  # fmt: skip
        return make(self.network, self.side, self.classes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """A network as it would be written: its bytes with its card, its seconds for an image."""

    graph: Graph
    choice: Choice
    size: int
    seconds: float
    activations: str | None


@dataclass(frozen=True, kw_only=True)
class Planning:
    """How a network is written with random weights: in which bits, and what its card is `told`."""

    budget: Budget
    pictures: Pictures
    given: Input
    settings: Settings
    told: Card
    bits: int
    report: Report

    def planned(self, candidates: Candidates) -> Planned:
        """The largest network that keeps the budget once it is written.

        Raises:
            BudgetError: none does; the hint says what the smallest needs.
        """
        limit = self._seconds
        within = replace(self.budget, seconds=limit)
        found: _Written | None = None
        failed: _Written | None = None
        for _ in range(_TRIES):
            try:
                graph = candidates.largest(within, self.report)
            except BudgetError:
                break
            if graph.name in {one.graph.name for one in (found, failed) if one}:
                break
            one = self._best(graph)
            share = limit / one.seconds if limit is not None else 1.0
            if self._keeps(one):
                if found is None or graph.macs > found.graph.macs:
                    found = one
                if share * _NEAR < 1:
                    break
            else:
                failed = one
                if found is not None or candidates.network is not None:
                    break
            within = self._nearer(within, one, share, candidates)
            if within.size is not None and within.size < 1:
                break
        if found is None:
            found = self._least(candidates, failed)
        return Planned(
            graph=found.graph, choice=found.choice, seconds=found.seconds,
            forms=quick_forms(found.graph, self.settings.share, bfloat16=self.settings.bfloat16),
            activations=found.activations,
        )  # fmt: skip

    @property
    def _seconds(self) -> float | None:
        """What an image may take."""
        return None if self.budget.seconds is None else _SLACK * self.budget.seconds

    def _keeps(self, one: _Written) -> bool:
        taken = (
            (one.size, self.budget.size),
            (2 * one.graph.macs, self.budget.flops),
            (one.seconds, self._seconds),
        )
        return all(limit is None or needed <= limit for needed, limit in taken)

    def _nearer(
        self, within: Budget, one: _Written, share: float, candidates: Candidates
    ) -> Budget:
        """Limits for what is counted and measured of a graph, by what it takes once written.

        In proportion: the quickest form may write a grouped convolution as a dense one, with
        several times the bytes that are counted, and in 8 bits takes less time than was measured.
        """
        if self.budget.size is not None and one.size > self.budget.size:
            counted = stored_bytes(one.graph, self.bits)
            within = replace(within, size=min(counted * self.budget.size // one.size, counted - 1))
        if within.seconds is not None:
            seconds = 0.95 * share * candidates.seconds(one.graph)
            within = replace(within, seconds=max(seconds, within.seconds) if share > 1 else seconds)
        return within

    def _written(self, graph: Graph, *, quickest: bool) -> _Written:
        weights = starting_weights(graph, self.settings.seed)
        if quickest:
            self.report(f"looking for the quickest form of {graph.name}")
            model, choice = optimised(graph, weights)
        else:
            choice = Choice(network=graph.name, image=graph.input)
            model = written(graph, weights, choice)
        card, activations = {**described(graph, choice), **self.told}, None
        if self.bits == 8:
            mean, deviation = self.given.mean, self.given.deviation
            small = in_eight_bits(model, self.pictures.train, mean, deviation)
            model, card["eight_bits"] = small.model, small.as_dict()
            activations = small.activations
        return _Written(
            graph=graph, choice=choice, activations=activations,
            size=len(model) + longest_card(card, self.given, graph, self.pictures),
            seconds=timed(model, graph.input),
        )  # fmt: skip

    def _best(self, graph: Graph) -> _Written:
        """In its quickest form, or as its graph says if only that keeps the budget.

        The quickest form is no smaller: where bytes bind, it may be too large. If neither keeps the
        budget, it is the one of fewer bytes where they bind, and else the quicker.
        """
        size, flops = self.budget.size, self.budget.flops
        counted = stored_bytes(graph, self.bits)
        if (size is not None and counted > size) or (flops is not None and 2 * graph.macs > flops):
            return self._written(graph, quickest=False)
        quick = self._written(graph, quickest=True)
        if self._keeps(quick):
            return quick
        plain = self._written(graph, quickest=False)
        too_large = size is not None and quick.size > size
        return plain if too_large or self._keeps(plain) else quick

    def _least(self, candidates: Candidates, failed: _Written | None) -> _Written:
        """The smallest; `failed` is a network that is too much.

        Raises:
            BudgetError: it does not keep the budget either.
        """
        graph = candidates.least(self.budget)
        one = failed if failed and failed.graph.name == graph.name else self._best(graph)
        if self._keeps(one):
            if failed:
                self.report(f"{failed.graph.name} is too much once written: {graph.name} instead")
            return one
        needed = [limit_of("size", one.size), limit_of("flops", 2 * graph.macs)]
        if self.budget.seconds is not None:
            needed.append(limit_of("seconds", 1.1 * one.seconds / _SLACK))
        raise no_network(
            candidates.what, graph, needed, self.budget, candidates.side, candidates.classes
        )


def measured_seconds() -> Callable[[Graph], float]:
    """What networks take for one image in one thread, as the graph says, each measured once."""
    known: dict[str, float] = {}

    def measured(graph: Graph) -> float:
        if graph.name not in known:
            known[graph.name] = timed(onnx_model(graph, random_weights(graph)), graph.input)
        return known[graph.name]

    return measured
