"""A search over a few documents, for tests of what needs one."""

from dataclasses import dataclass

import pytest

from frugally.text.drqa import tokens


@dataclass
class Found:
    id: str
    title: str
    text: str


class Few:
    """Documents by how many words of the question they have; earlier ones first among equals."""

    def __init__(self, *texts):
        self.found = [Found(f"d{i}", f"Title {i}", text) for i, text in enumerate(texts)]

    def documents(self, question, k):
        wanted = set(tokens(question))
        scored = [(-len(wanted & set(tokens(d.text))), i) for i, d in enumerate(self.found)]
        return [self.found[i] for score, i in sorted(scored)[:k] if score]


@pytest.fixture
def few():
    return Few
