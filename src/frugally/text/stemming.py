"""The English stemmer, known by what it does: releases that change no stem change no recipe."""

from __future__ import annotations

import functools
import hashlib

# Words for the rules of Porter2 (snowballstem.org/algorithms/english): its exceptions, then a few
# words a step, and words whose stems differ between versions of the algorithm.
_PROBES = """
skis skies dying lying tying idly gently ugly early only singly sky news howe atlas cosmos bias
inning outing canning herring earring proceed exceed succeed generously communism arsenals
university emergence evening ties cries gas this kiwis caresses abyss agreed proceeding fed
luxuriated hopping hoping falling filing failing youth say enjoyed national tendency fluently
accidentally vietnamization analogical generalization hopefulness callousness formality
sensitivity possibly naturalised theology fully endlessly triplicate formative electrical
electricity adoption irritant replacement effective hesitancy rate controlled rolling past
paste vying hieing
""".split()  # noqa: SIM905


@functools.cache
def stemmer_digest() -> str:
    """A short name of how the stemmer that is installed here behaves."""
    import Stemmer

    stems = Stemmer.Stemmer("english", 0).stemWords(_PROBES)
    digest = hashlib.sha256("\n".join(stems).encode()).hexdigest()
    return f"snowball-english {digest[:12]}"
