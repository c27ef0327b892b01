"""Passages made ready for the prompt of a larger model, inside a budget of tokens."""

from __future__ import annotations

from collections.abc import Sequence

from frugally.ask.hit import Hit


def count_tokens(text: str) -> int:
    """A number of tokens that the tokenisers of large models rarely exceed.

    They average about four bytes of English a token, and about one token a character in scripts of
    three bytes a character; so: a token per four bytes, or per word if that is more, or per
    character beyond ASCII.
    """
    beyond = 0 if text.isascii() else sum(ord(c) >= 0x2000 for c in text)
    return max(-(-len(text.encode("utf-8", "replace")) // 4), len(text.split()), beyond)


def fit_tokens(hits: Sequence[Hit], tokens: int) -> list[Hit]:
    """The best hits, in order, whose entries fit together; too long ones are left out."""
    kept: list[Hit] = []
    left = tokens
    for hit in hits:
        needed = count_tokens(_entry(len(kept) + 1, hit))
        if needed <= left:
            kept.append(hit)
            left -= needed
    return kept


def prompt(hits: Sequence[Hit]) -> str:
    """The passages as numbered text with their sources."""
    return "".join(_entry(number, hit) for number, hit in enumerate(hits, 1))


def _entry(number: int, hit: Hit) -> str:
    source = hit.url or hit.source
    where = f"{hit.where()} ({source})" if source and source not in hit.where() else hit.where()
    return f"[{number}] {where}\n{hit.text}\n\n"
