"""Triples of a knowledge graph as questions: (subject, relation, object) with one place open.

A triple with an open place is asked as the two others in their order: `(?, capital, France)` is the
question "capital France", `(Paris, capital of, ?)` is "Paris capital of". Readers are trained on
triples in the same form (`frugally.fit.distant`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from frugally.errors import UsageError

OPEN = "?"

# A small letter or a digit before a capital, or a capital before one that begins a word.
_HUMP = re.compile(r"(?<=[^\W_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_QUALIFIER = re.compile(r"(?<=\S)_\([^()]*\)$")


def triple_question(subject: str, relation: str, object_: str) -> str:
    """The question that a triple with one open place (`?`) asks.

    Raises:
        UsageError: no place is open, or more than one, or a place is empty.
    """
    places = [" ".join(place.split()) for place in (subject, relation, object_)]
    if places.count(OPEN) != 1 or "" in places:
        raise UsageError(
            f"({', '.join(places)}) is no triple with one open place",
            hint='write it as "?, capital, France": subject, relation, object, one of them ?',
        )
    if places[1] != OPEN:
        places[1] = readable_relation(places[1])
    return " ".join(place for place in places if place != OPEN)


def parse_triple(text: str) -> tuple[str, str, str]:
    """Subject, relation and object of `"?, capital, France"`, in brackets or not.

    Names that hold a comma are parted by `|` instead: `"Paris, Texas | located in | ?"`.

    Raises:
        UsageError: it has not three parts.
    """
    bare = text.strip()
    if bare.startswith("(") and bare.endswith(")"):
        bare = bare[1:-1]
    parts = [part.strip() for part in bare.split("|" if "|" in bare else ",")]
    if len(parts) != 3:
        raise UsageError(
            f"{text!r} has {len(parts)} {'part' if len(parts) == 1 else 'parts'}, not three",
            hint='write "?, capital, France", or with | where a name holds a comma',
        )
    return parts[0], parts[1], parts[2]


def readable_relation(name: str) -> str:
    """The name of a relation as words.

    `/people/person/place_of_birth` is "place of birth"; of a path of two relations, as Freebase
    has them (`/a/b/regular_cast./c/d/actor`), it is both last names; `birthPlace` is "birth place".
    """
    last = [part.rstrip("/#").rpartition("/")[2].rpartition("#")[2] for part in name.split("./")]
    words = [word for part in last for word in _HUMP.sub(" ", part).replace("_", " ").split()]
    # Freebase writes its plurals as `spouse_s`; a word that both names have is said once.
    return " ".join(dict.fromkeys(w.lower() if w[1:].islower() else w for w in words if w != "s"))


def readable_name(name: str) -> str:
    """An entity's name as words: no underscores, nothing in brackets behind them.

    `Starting_Over_(Raspberries_album)` is "Starting Over". What has no underscore stays as it is.
    """
    return " ".join(_QUALIFIER.sub("", name).replace("_", " ").split())


def same_name(names: Iterable[str]) -> tuple[str, ...]:
    """Names without repetition, in order, and without those that have no letter or digit."""
    stripped = (" ".join(name.split()) for name in names)
    return tuple(dict.fromkeys(n for n in stripped if any(map(str.isalnum, n))))
