"""Which languages passages and documents are in, by the small net, when somebody wants to know.

Nothing of it is stored: the net needs some 35 microseconds for a passage, which is nothing for what
was found, and several times as long as building the index for everything in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from frugally.errors import UsageError
from frugally.text.languages import language_code

LOOKED_AT = 400  # characters of a text
_TOGETHER = 512
_FEWEST, _PLAINLY = 3, 0.7


def languages_of(texts: Iterable[str]) -> Iterator[str]:
    """The code of the language of each text, empty where the net would not say."""
    from frugally.nets.language import shipped_identifier

    identifier = shipped_identifier()
    starts = (text[:LOOKED_AT] for text in texts)
    while some := list(islice(starts, _TOGETHER)):
        yield from (guess.code for guess in identifier.identify(some))


def count_languages(texts: Iterable[str]) -> dict[str, int]:
    """How many texts are in which language, the most frequent first; "" where it is not known."""
    return dict(Counter(languages_of(texts)).most_common())


def foreign_language(question: str) -> str | None:
    """The code of a question's language if it is plainly not English; None for a word or two."""
    if len(question.split()) < _FEWEST:
        return None
    from frugally.nets.language import shipped_identifier

    (guess,) = shipped_identifier().identify([question], threshold=_PLAINLY)
    return guess.code if guess.code not in ("", "en") else None


def known_language(code: str) -> str:
    """A language's code as the net gives it.

    Raises:
        UsageError: the net does not know it.
    """
    from frugally.nets.language import shipped_identifier

    found = language_code(code)
    if found not in shipped_identifier().labels:
        raise UsageError(
            f"no language {code!r} is known", hint="give its ISO 639 code, like de or ceb"
        )
    return str(found)
