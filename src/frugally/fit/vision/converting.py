"""`frugally fit group`: a network's dense convolutions exchanged, where accuracy and time allow it.

Exchanges are put in order by what each costs for what it saves (see `exchanges`). How many of them
can be made is found by halving: the network is trained briefly to say what it said before
(distillation from itself), scored, and given fewer exchanges if it lost too much, more otherwise.
Each try goes on from the most that was kept so far; what was too much is tried once more when it
can begin from more than it did.

A conversion has a folder: `exchanges.json` says how it was begun and what was measured then, and
each try has a folder of its own in it, with a checkpoint until it is done and then what came of it.
What comes next follows from these, so that one that was killed goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.errors import UsageError
from frugally.files.disk import make_folder, remove, write_whole
from frugally.fit.memory import keep_freed_memory
from frugally.fit.vision.exchanges import Exchange, exchanges_of, ordered
from frugally.fit.vision.forms import optimised
from frugally.fit.vision.graph_scores import GraphScores, accuracy
from frugally.fit.vision.grouping import swapped
from frugally.fit.vision.network import Arrays
from frugally.fit.vision.pictures import (
    Pictures,
    digest_of_pictures,
    proposed_side,
    read_pictures,
)
from frugally.fit.vision.saving import (
    CHECKPOINTS,
    GRAPH,
    PICTURES,
    about_training,
    apart,
    described,
    save_fitted,
    save_source,
    seed_of,
)
from frugally.fit.vision.sources import load_source
from frugally.fit.vision.timer import Timer
from frugally.fit.vision.training import Settings
from frugally.fit.vision.tries import Tries, patient, read_notes
from frugally.nets.card import Card, load_card
from frugally.nets.vision.graph import Graph
from frugally.nets.vision.image_classifier import TASK, Input

_BEGUN = "exchanges.json"
_FINE = 0.05  # of all that could be saved: what is between two tries then is not looked for


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """A converted network, what became of each layer, and its accuracy before and after.

    `steps` and `seconds` are what all tries took together.
    """

    graph: Graph
    weights: Arrays
    exchanges: tuple[Exchange, ...]
    before: float
    after: float
    steps: int
    seconds: float


def convert(
    graph: Graph,
    weights: Arrays,
    pictures: Pictures,
    given: Input,
    folder: Path,
    settings: Settings,
    *,
    tolerance: float,
    slower: bool = False,
    resume: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> Conversion:
    """Exchange what can be exchanged at a loss of at most `tolerance`, a share of the pictures.

    Accuracy is that on the pictures held out for validation. `settings` are those of one brief
    training. Without `slower` an exchange that takes longer on this machine than what it replaces
    is not tried, however few its multiply-adds. With `resume` a conversion that was begun in the
    folder goes on, to the same result.

    Raises:
        UsageError: the network has other classes, or says no more than chance before anything; or
            what lies in the folder was begun otherwise.
        NetError: what lies in the folder is damaged.
        FitError: the loss was no number.
    """
    if graph.output != (len(pictures.classes),):
        raise UsageError(f"the network tells {graph.output[0]} classes of {len(pictures.classes)}")
    start = {name: np.asarray(array, np.float32) for name, array in weights.items()}
    if not resume:
        remove(folder)
    about = {
        "network": [graph.as_dict(), _digest(start)], "settings": settings.as_dict(),
        "pictures": digest_of_pictures(pictures.train, pictures.validation),
        "normalisation": [given.mean, given.deviation], "tolerance": tolerance, "slower": slower,
    }  # fmt: skip
    before, found = _begun(folder / _BEGUN, about, graph, start, pictures, given, report)
    report(f"{graph.name}: {graph.macs / 1e6:.2f} MMACs, right on {before:.1%} before")
    steps = ordered(found, slower=slower)
    tries = Tries(
        pictures, given, folder, settings, GraphScores(graph, start, bfloat16=settings.bfloat16),
        before - tolerance, report,
    )  # fmt: skip
    saved = _saved(steps, slower=slower)
    state: tuple[Graph, Arrays, float] = (graph, start, before)
    low, high = 0, len(steps) + 1  # so many are kept, so many are too many
    failed: dict[int, int] = {}  # what was too many, and how many were kept then
    count = len(steps)
    while count > low:
        changed, arrays = _exchanged(graph, start, state[1], _last(steps[:count]))
        trained, now = tries.next(changed, arrays)
        said = f"{changed.macs / 1e6:.2f} MMACs: right on {now:.1%}"
        if trained is not None:
            report(f"{said}; kept")
            state, low = (changed, trained, now), count
            high = min((many for many in failed if many > low), default=len(steps) + 1)
        else:
            report(f"{said}; too many exchanges")
            failed[count], high = low, count
        count = _between(saved, low, high)
        if count == low and failed.get(high, low) < low:
            count = high  # once more, from what was learned since
    kept = _last(steps[:low])
    return Conversion(
        graph=state[0], weights=state[1], before=before, after=state[2],
        steps=tries.steps, seconds=tries.seconds, exchanges=_outcomes(found, steps, kept),
    )  # fmt: skip


def _last(steps: Sequence[Exchange]) -> dict[str, Exchange]:
    """What each convolution is exchanged for after these steps."""
    return {one.node: one for one in steps}


def _saved(steps: Sequence[Exchange], *, slower: bool) -> list[float]:
    """What is saved after each number of steps, from none to all."""
    made: dict[str, float] = {}
    saved = [0.0]
    for one in steps:
        made[one.node] = one.saved(slower=slower)
        saved.append(sum(made.values()))
    return saved


def _between(saved: Sequence[float], low: int, high: int) -> int:
    """The number of steps to try next; `low` if there is none that is worth it."""
    inside = range(low + 1, high)
    if not inside or (low and saved[high] - saved[low] < _FINE * saved[-1]):
        return low
    middle = (saved[low] + saved[high]) / 2
    return min(inside, key=lambda count: abs(saved[count] - middle))


def _exchanged(
    graph: Graph, start: Arrays, learned: Arrays, chosen: Mapping[str, Exchange]
) -> tuple[Graph, dict[str, NDArray[np.float32]]]:
    """The graph with these exchanges; what is in it as it was learned has the weights learned.

    Another form of what was exchanged before begins from the dense weights again.
    """
    arrays = _taken(start, learned)
    changed = graph
    for one in chosen.values():
        changed, arrays = swapped(changed, arrays, one.node, one.kind, one.groups)
    return changed, _taken(arrays, learned)


def _taken(arrays: Arrays, learned: Arrays) -> dict[str, NDArray[np.float32]]:
    """Arrays with those that were learned in place of what has their name and shape."""
    return {
        name: learned[name] if name in learned and learned[name].shape == array.shape else array
        for name, array in arrays.items()
    }


def _outcomes(
    found: Sequence[Exchange], steps: Sequence[Exchange], kept: Mapping[str, Exchange]
) -> tuple[Exchange, ...]:
    """For each convolution what it was exchanged for, or would have been, and what came of that."""
    tried, layers = _last(steps), dict[str, list[Exchange]]()
    for one in found:
        layers.setdefault(one.node, []).append(one)
    outcomes = []
    for node, forms in layers.items():
        quickest = min(forms, key=lambda one: one.milliseconds[1])
        if node in kept:
            outcomes.append(replace(kept[node], outcome="kept"))
        elif node in tried:
            outcomes.append(replace(tried[node], outcome="lost accuracy"))
        else:
            outcomes.append(replace(quickest, outcome="slower here"))
    return tuple(outcomes)


def _begun(
    path: Path, about: Mapping[str, Any], graph: Graph, weights: Arrays, pictures: Pictures,
    given: Input, report: Callable[[str], None],
) -> tuple[float, list[Exchange]]:  # fmt: skip
    """Accuracy, and other forms of each convolution, as measured when the conversion began."""
    if (begun := read_notes(path)) is None:
        before = accuracy(graph, weights, pictures.validation, given)
        if before < 1.2 / len(pictures.classes):  # hardly more than chance
            raise UsageError(
                f"the network is right on {before:.1%} of the pictures before anything is "
                "exchanged",
                hint="train it first, and check the normalisation (--mean, --deviation)",
            )
        report(f"{graph.name}: measuring other forms of its convolutions")
        found = exchanges_of(graph, weights, pictures.train, given)
        entry = {**about, "before": before, "exchanges": [one.as_dict() for one in found]}
        make_folder(path.parent)
        write_whole(path, json.dumps(entry).encode())
        return before, found
    ours = json.loads(json.dumps(about))
    changed = sorted(name for name in ours if ours[name] != begun.get(name))
    if changed:
        raise UsageError(
            f"the conversion in {path.parent} was begun with something else ({', '.join(changed)})",
            hint="start again without --resume, or in another folder",
        )
    return float(begun["before"]), [Exchange.from_dict(entry) for entry in begun["exchanges"]]


def _digest(weights: Arrays) -> str:
    total = sha256()
    for name in sorted(weights):
        total.update(name.encode() + np.ascontiguousarray(weights[name]).tobytes())
    return total.hexdigest()


def fit_group(
    name: str,
    data: Path,
    out: Path,
    settings: Settings,
    *,
    tolerance: float,
    mean: tuple[float, ...] | None = None,
    deviation: tuple[float, ...] | None = None,
    slower: bool = False,
    resume: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> Card:
    """Convert a network (see `sources.load_source`) on pictures, save it and return its card.

    `mean` and `deviation` normalise the images where the network does not say how; by default as
    ImageNet's are. The pictures that decide are those held out when the network was fitted, if its
    card says which. With `resume` a conversion that was interrupted goes on.

    Raises:
        UsageError: there is no such network, it does not fit the pictures, or what is to go on was
            begun otherwise.
        NetError: it cannot be imported.
        FitError: the loss was no number.
    """
    keep_freed_memory()
    apart(out, Path(name), Path(name) / GRAPH)
    graph, weights, given = load_source(name, proposed_side(data))
    if given and (mean or deviation):
        raise UsageError(f"{name} says itself how images are normalised: give no mean or deviation")
    make_folder(out)
    channels, height, width = graph.input
    if channels != 3 or height != width:
        raise UsageError(
            f"pictures are squares of three colours; {graph.name} takes {channels} x {height} x "
            f"{width}"
        )
    if deviation and min(deviation) <= 0:
        raise UsageError("the deviation of colours is above 0", hint="like 0.229,0.224,0.225")
    defaults = Input(height=height, width=width)
    given = given or replace(
        defaults, mean=mean or defaults.mean, deviation=deviation or defaults.deviation
    )
    known = load_card(Path(name), TASK) if Path(name).is_dir() else {}
    seed = seed_of(known, settings.seed)
    pictures = read_pictures(data, out / PICTURES, side=height, seed=seed, report=report)
    if known and list(pictures.classes) != known["labels"]:
        raise UsageError(f"the pictures in {data} are of other classes than {name} tells")
    done = convert(
        graph, weights, pictures, given, out / CHECKPOINTS, settings, tolerance=tolerance,
        slower=slower, resume=resume, report=report,
    )  # fmt: skip
    save_source(out, done.graph, done.weights)
    report("looking for the quickest forms, before and after")
    before, _ = optimised(graph, weights)
    model, choice = optimised(done.graph, done.weights)
    image = np.zeros((1, *graph.input), np.float32)
    was, now = Timer(image, 1).milliseconds([before, model])
    about = about_training(pictures, *patient(settings, height), 32, taught=True)
    about["training"].update(steps=done.steps, seconds=round(done.seconds, 1))
    card: Card = {
        **described(done.graph, choice),
        **about,
        "conversion": {
            "from": graph.name,
            "accuracy": [done.before, done.after],
            "macs": [graph.macs, done.graph.macs],
            "parameters": [graph.parameters, done.graph.parameters],
            "milliseconds": [was, now],
            "exchanges": [one.as_dict() for one in done.exchanges],
        },
    }
    card = save_fitted(out, model, done.graph.macs, pictures, given, card, None, report)
    report(
        f"{graph.macs / done.graph.macs:.2f} times fewer multiply-adds, {was / now:.2f} times as "
        f"fast, {100 * (done.after - done.before):+.2f} points on the pictures held out"
    )
    return card
