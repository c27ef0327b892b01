"""The recipe of an index: everything that decides which terms a text has.

Index and question must use the same recipe, so the recipe is stored with the index and compared
when it is opened.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from frugally.errors import UsageError
from frugally.text.stemming import stemmer_digest
from frugally.text.unicode_table import VERSION

HASH_VERSION = 1
ANALYSERS = ("english", "plain", "drqa")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides which terms a text has.

    `analyser`: `english` (Snowball English stems of words in a-z), `plain` (no stemming) or `drqa`
    (the seed system's tokens). `bits`: terms are numbers below 2^bits. `title_weight`: how often
    a title counts. `stemmer` says how the stemmer behaves, not which release it is of.
    `segmenter` is the digest of the net that finds words in a script without spaces; where it is
    empty, single characters and pairs of them are terms.
    """

    analyser: str = "english"
    bits: int = 24
    title_weight: int = 1
    hash_version: int = HASH_VERSION
    unicode: str = VERSION
    stemmer: str = ""
    segmenter: str = ""

    @classmethod
    def make(
        cls,
        analyser: str = "english",
        *,
        bits: int = 24,
        title_weight: int = 1,
        segmenter: str = "",
    ) -> Recipe:
        """A recipe for what is installed here.

        Raises:
            UsageError: no such analyser, one that takes no segmenter, or bits not in 8 to 32.
        """
        if analyser not in ANALYSERS:
            raise UsageError(f"no analyser {analyser!r}", hint=f"known: {', '.join(ANALYSERS)}")
        if not 8 <= bits <= 32:
            raise UsageError(f"terms of {bits} bits", hint="choose 8 to 32; 24 is the default")
        if not 0 <= title_weight <= 16:
            raise UsageError(f"a title weight of {title_weight}", hint="choose 0 to 16")
        if segmenter and analyser == "drqa":
            raise UsageError(
                "the analyser 'drqa' takes no segmenter", hint="choose english or plain"
            )
        return cls(
            analyser=analyser,
            bits=bits,
            title_weight=title_weight,
            stemmer=stemmer_digest() if analyser == "english" else "",
            segmenter=segmenter,
        )

    def as_dict(self) -> dict[str, str | int]:
        """The recipe as it stands in a manifest; a segmenter only if there is one."""
        entries = asdict(self)
        if not self.segmenter:
            del entries["segmenter"]
        return entries

    @property
    def digest(self) -> str:
        """A short name of the recipe: equal digests, equal terms."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()[:16]
