"""What part of the data that comes in can be processed: now, by year, and by sifting first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frugally.errors import UsageError
from frugally.plan.exponential import steady
from frugally.plan.scenario import Assumption, Scenario
from frugally.plan.units import Flow, Machines

_AFTER = (0, 2, 5, 10, 20)
_RUNS = 5
_LARGEST = 1e100
_SMALLER = 1.01  # times the multiply-adds: a network of another size than ResNet-50


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A network for images: its name, multiply-adds for an image, and its file if it has one."""

    name: str
    macs: int
    path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Images in a second on all machines together, the least and the most, and how it is known.

    `bound` if it is the most that could be, not what was measured; `year` is when such machines
    came, if they are named; `used` are the assumptions.
    """

    value: float
    low: float
    high: float
    how: str
    bound: bool = False
    year: float | None = None
    used: tuple[Assumption, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class YearShare:
    """One year: frames/s that come in, and shares of them that can be processed, at most 1.

    `kept` with the machines one has, `renewed` with as many of that year, `growing` with a stock of
    them that grows; `sifted` is `renewed` with cheap sifting first.
    """

    year: float
    frames: float
    kept: float
    renewed: float
    growing: float
    sifted: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The answer: `share` now and its bounds; `relative` is what sifting costs of doing all.

    `machines` are as many as would do all of it; `notes` what to beware of; `used` the assumptions.
    """

    model: Model
    have: Machines
    speed: Speed
    frames: float
    share: float
    low: float
    high: float
    machines: float
    relative: float
    small: Model
    stride: int
    keep: float
    years: tuple[YearShare, ...]
    notes: tuple[str, ...] = ()
    used: tuple[Assumption, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "share": self.share, "low": self.low, "high": self.high,
            "at_most": self.speed.bound, "notes": list(self.notes),
            "frames_per_second": self.frames, "images_per_second": self.speed.value,
            "how": self.speed.how, "have": str(self.have), "machines_for_all": self.machines,
            "model": {"name": self.model.name, "macs": self.model.macs},
            "sifting": {
                "small": self.small.name, "small_macs": self.small.macs, "stride": self.stride,
                "keep": self.keep, "relative_cost": self.relative,
                "times_cheaper": 1 / self.relative,
                "share": min(1.0, self.share / self.relative),
            },
            "years": [
                {name: _finite(getattr(row, name)) for name in YearShare.__slots__}
                for row in self.years
            ],
        }  # fmt: skip


def _finite(value: float) -> float | None:
    return value if value < float("inf") else None


def find_model(name: str) -> Model:
    """A network of the registry by its name, a folder of an image classifier, or an .onnx file.

    Raises:
        UsageError: there is none of these.
        NetError: the file is no network, or one for another task.
    """
    if not name.strip():
        raise UsageError("the name of the network is empty", hint="--model resnet-50")
    path = Path(name)
    if path.is_dir():
        from frugally.nets.card import load_card
        from frugally.nets.vision.image_classifier import NETWORK, TASK

        card = load_card(path, TASK)
        macs = card.get("macs")
        if type(macs) is not int or macs < 1:
            raise UsageError(f"the card in {path} does not tell what an image costs")
        return Model(name=name, macs=macs, path=path / NETWORK)
    if path.is_file():
        from frugally.nets.vision.ceilings import Ceilings
        from frugally.nets.vision.profiling import profile

        # The ceilings are not asked for, so that nothing but the network need run.
        found = profile(path, runs=1, measured=Ceilings(gflops=1, gigabytes=1))
        images = max(1, next(iter(found.inputs.values()), (1,))[0])
        if found.macs < images:
            raise UsageError(f"{path} does not multiply anything")
        return Model(name=name, macs=found.macs // images, path=path)
    from frugally.nets.vision.registry import NETWORKS, find

    said = re.sub(r"[^a-z0-9]", "", name.lower())
    names = (one for one in NETWORKS if re.sub(r"[^a-z0-9]", "", one.lower()) == said)
    name = next(names, name)  # ResNet50 is resnet-50
    try:
        return Model(name=name, macs=find(name).make().macs)
    except UsageError as error:
        raise UsageError(
            f"there is no network, folder or .onnx file {name!r:.80}", hint=error.hint
        ) from None


def speed_of(model: Model, have: Machines, scenario: Scenario) -> Speed:
    """How fast the machines run it: measured here, or by its multiply-adds against ResNet-50's.

    Raises:
        UsageError: the scenario has no such machine, or this machine not so many processors.
        NetError: the network does not run.
    """
    if have.here:
        return _here(model, have)
    line = _machine(have.kind, scenario)
    resnet = scenario["resnet-50.macs"].value
    by_macs = resnet / model.macs
    every = scenario.named("inference", have.kind) or [line]
    low, high = min(one.low for one in every), max(one.high for one in every)
    values = [have.count * bound * by_macs for bound in (line.value, low, high)]
    if not all(1 / _LARGEST < value < _LARGEST for value in values):
        raise UsageError(f"{have.count:g} machines are out of all range")
    return Speed(
        value=values[0], low=values[1], high=values[2], bound=by_macs > _SMALLER,
        year=None if have.kind == "gpu" else line.year, used=(scenario["resnet-50.macs"], *every),
        how=f"{have.count:g} x {line.value:,g} images/s of ResNet-50 ({line.source})"
        + (
            f", times {resnet / 1e6:,.0f} / {model.macs / 1e6:,.1f} million multiply-adds: an "
            "assumption"
            if not 1 / _SMALLER < by_macs < _SMALLER
            else ""
        )
        + (", which a smaller network does not reach" if by_macs > _SMALLER else ""),
    )  # fmt: skip


def _machine(kind: str, scenario: Scenario) -> Assumption:
    if kind == "gpu":
        return scenario["gpu.speed"]
    lines = dict(scenario.under("inference"))
    named = scenario.named("inference", kind)
    if not named:
        known = ", ".join(["gpu", "here", "cores", *lines])
        raise UsageError(
            f"the scenario {scenario.name} does not say how fast a {kind!r:.40} is",
            hint=f"known: {known}" + ("" if lines else "; --scenario measured has more"),
        )
    return named[0]


def _here(model: Model, have: Machines) -> Speed:
    from frugally.nets.cpus import available_cpus

    cpus = available_cpus()
    threads = int(have.count) if have.count < 1e6 else 0
    if threads != have.count or not 1 <= threads <= cpus:
        raise UsageError(
            f"this machine has {cpus} core{'s' * (cpus > 1)} to measure on, not {have.count:g}"
        )
    here = f"in {threads} thread{'s' * (threads > 1)} here"
    if model.path is None:
        from frugally.nets.vision.ceilings import ceilings

        limit = ceilings(threads).gflops
        value = limit * 1e9 / (2 * model.macs)
        how = f"a bound: a large matrix product does {limit:.0f} GFLOP/s {here}, a network less"
    else:
        from frugally.nets.vision.ceilings import Ceilings
        from frugally.nets.vision.profiling import profile

        found = profile(
            model.path, threads=threads, runs=_RUNS, measured=Ceilings(gflops=1, gigabytes=1)
        )
        images = max(1, next(iter(found.inputs.values()), (1,))[0])
        if not found.milliseconds > 0:
            raise UsageError(f"{model.name} took no time that could be measured")
        value = images * 1e3 / found.milliseconds
        how = f"measured: {found.milliseconds / images:.3g} ms an image {here}"
    return Speed(value=value, low=value, high=value, how=how, bound=model.path is None)


def relative_cost(small: int, large: int, stride: int, keep: float) -> float:
    """c/k + p: a small net on every k-th frame, the large one on the share p that is retrieved.

    `small` and `large` are multiply-adds; c is their ratio.
    """
    return small / large / stride + keep


def share(
    flow: Flow,
    model: Model,
    have: Machines,
    scenario: Scenario,
    *,
    small: Model,
    stride: int,
    keep: float,
) -> Share:
    """What part of what comes in `have` can process with `model`, from the scenario's year on.

    Raises:
        UsageError: numbers out of range, or machines that nobody knows.
        NetError: the network does not run.
    """
    fps = scenario["data.frames"]
    speed = speed_of(model, have, scenario)
    frames = flow.frames(fps.value)
    if not 1 / _LARGEST < frames < _LARGEST:
        raise UsageError("that much data is out of all range")
    relative = relative_cost(small.macs, model.macs, stride, keep)
    start = scenario["clock.start"].value
    data, compute = scenario.growth("data.phases"), scenario.growth("compute.phases")
    stock = steady(scenario["machines.doubling"].value)
    now = speed.value / frames
    # A named GPU is of its own year: as many of a later year's are faster.
    since = speed.year if speed.year is not None else start
    rows = []
    for after in _AFTER:
        year = start + after
        kept = now / data.factor(start, year)
        renewed = kept * compute.factor(since, year)
        rows.append(
            YearShare(
                year=year, frames=frames * data.factor(start, year), kept=min(1.0, kept),
                renewed=min(1.0, renewed), growing=min(1.0, renewed * stock.factor(start, year)),
                sifted=min(1.0, renewed / relative),
            )
        )  # fmt: skip
    return Share(
        model=model, have=have, speed=speed, frames=frames, share=min(1.0, now),
        low=min(1.0, speed.low / flow.frames(fps.high)),
        high=min(1.0, speed.high / flow.frames(fps.low)),
        machines=have.count / now, relative=relative, small=small, stride=stride, keep=keep,
        years=tuple(rows), notes=_notes(have, scenario),
        used=(
            *speed.used, *(scenario.lines("data.frames") if flow.video else ()),
            *scenario.lines("clock.start", "data.phases", "compute.phases", "machines.doubling"),
        ),
    )  # fmt: skip


def _notes(have: Machines, scenario: Scenario) -> tuple[str, ...]:
    line, start = scenario["gpu.speed"], scenario["clock.start"].value
    if have.kind != "gpu" or line.year is None or abs(line.year - start) <= 1:
        return ()
    return (f"gpu.speed is of {line.year:g} and is taken as it is for {start:g}",)
