"""The names of a knowledge graph's entities: by number from a file, or as they are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from frugally.errors import UsageError
from frugally.fit.classifier.reading import Report, Skipped
from frugally.fit.distant.rows import read_rows
from frugally.text.stopwords import STOP_WORDS
from frugally.text.triples import readable_name, same_name

_IDENTIFIERS = ("mid", "wikidata_id", "id")
_NAMES = ("label", "name", "freebase_name")
# Freebase's and Wikidata's numbers; a name that looks like one is none.
_NUMBER = re.compile(r"/[a-z]/\w+|[QPR]\d+")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


class Names:
    """Gives an entity's names, the usual one first."""

    def __init__(self, known: dict[str, tuple[str, ...]] | None = None) -> None:
        self._known = known or {}

    def __len__(self) -> int:
        return len(self._known)

    @classmethod
    def load(cls, paths: Sequence[Path], report: Report) -> Names:
        """From JSON lines of identifiers, names and aliases.

        A line has `mid`, `wikidata_id` or `id` (any of them), and `label`, `name` or
        `freebase_name`, and perhaps `aliases`.

        Raises:
            UsageError: a file cannot be read or has no such row.
        """
        known: dict[str, tuple[str, ...]] = {}
        for path in paths:
            skipped = Skipped(path)
            before = len(known)
            for line, row in read_rows(path, None, skipped):
                names = _told_apart([*_texts(row, _NAMES), *_listed(row.get("aliases"))])
                identifiers = _texts(row, _IDENTIFIERS)
                if not names or not identifiers:
                    skipped.add("no identifier or no name", line)
                for identifier in identifiers if names else ():
                    known[identifier] = names
            skipped.tell(report)
            if len(known) == before:
                raise UsageError(
                    f"{path} names no entity",
                    hint="its lines need mid, wikidata_id or id, and label or name",
                )
        return cls(known)

    def of(self, entity: str) -> tuple[str, ...]:
        """All names of an entity; none if it is a number that no file names, or has no letter."""
        entity = entity.strip()
        if (names := self._known.get(entity)) is not None:
            return names
        if _NUMBER.fullmatch(entity):
            return ()
        if date := _DATE.fullmatch(entity):
            return _spoken(*map(int, date.groups())) or (entity,)
        return same_name([readable_name(entity)])


def _told_apart(names: Sequence[str]) -> tuple[str, ...]:
    """The first name, and the others but those that texts are full of.

    Aliases have codes such as `in` for India and `en` for English.
    """
    kept = same_name(names)
    return kept[:1] + tuple(n for n in kept[1:] if len(n) > 2 and n.lower() not in STOP_WORDS)


def _spoken(year: int, month: int, day: int) -> tuple[str, ...]:
    """The ways in which texts write a date."""
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return ()
    name = _MONTHS[month - 1]
    return (f"{name} {day}, {year}", f"{day} {name} {year}", f"{name} {day} {year}")


def _texts(row: dict[str, Any], keys: Sequence[str]) -> list[str]:
    return [row[key] for key in keys if isinstance(row.get(key), str) and row[key].strip()]


def _listed(value: Any) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []
