"""Who proposes cells: what a strategy is, and how one is brought back to where it was."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from frugally.errors import FitError
from frugally.fit.architecture.space import Decisions


class Strategy(Protocol):
    """Proposes decisions and is told what they were worth, in any order and number.

    It hangs on its seed and on the sequence of calls alone: the same calls give the same proposals.
    So it needs no saved state; `replayed` makes the calls again.
    """

    def propose(self) -> Decisions:
        """Decisions that are worth a trial."""
        ...

    def tell(self, decisions: Decisions, reward: float | None) -> None:
        """What a trial of them gave, the more the better; None if it came to nothing."""
        ...


Event = tuple[Decisions, float | None] | Decisions
"""What happened: decisions were proposed, or (decisions, reward) was told."""


def replayed(strategy: Strategy, events: Iterable[Event]) -> None:
    """Take a new strategy through what happened before, so that it goes on from there.

    Raises:
        FitError: it proposes something else now: it has another seed or other settings.
    """
    for number, event in enumerate(events):
        if event and isinstance(event[0], tuple):
            decisions, reward = event
            strategy.tell(decisions, reward)
        elif strategy.propose() != event:
            raise FitError(
                f"the search does not propose what it did before, at event {number}",
                hint="go on with the seed and the settings that it began with",
            )
