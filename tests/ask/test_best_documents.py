"""Documents for a question: as good as their best passages."""

import pytest

from frugally import Collection, Document
from frugally.ask.best_documents import BestDocuments

LONG = "\n\n".join(
    f"The moth number {i} flew to the lamp. " + "It flew on. " * 60 for i in range(9)
)


@pytest.fixture
def collection(tmp_path):
    collection = Collection.create(tmp_path / "c")
    collection.add([Document(id="long", text=LONG, title="Moths")])
    collection.add(
        [Document(id=f"{i}", text=f"A moth and lamp {'x ' * i}.") for i in range(3)]
        + [Document(id="other", text="Nothing of the kind.")]
    )
    return collection


def test_each_document_comes_once_with_its_whole_text(collection):
    found = BestDocuments(collection).documents("moth lamp", 10)
    assert sorted(document.id for document in found) == ["0", "1", "2", "long"]
    whole = next(document for document in found if document.id == "long")
    assert (whole.text, whole.title) == (LONG, "Moths")


def test_they_rank_as_their_best_passages_do(collection):
    found = BestDocuments(collection).documents("moth lamp", 10)
    best = {}
    for hit in collection.search("moth lamp", 100):
        best.setdefault(hit.id, hit.score)
    assert [document.id for document in found] == list(best)
    assert [d.id for d in BestDocuments(collection).documents("moth lamp", 2)] == list(best)[:2]


def test_many_passages_of_one_document_hide_no_other(tmp_path):
    collection = Collection.create(tmp_path / "c")
    text = "\n\n".join("moth lamp " * 10 + "word " * 150 for _ in range(40))
    collection.add(
        [Document(id="big", text=text), Document(id="small", text="a moth " + "x " * 99)]
    )
    assert [d.id for d in BestDocuments(collection).documents("moth lamp", 2)] == ["big", "small"]


@pytest.mark.parametrize("question", ["", "???", "unheard-of"])
def test_nothing_is_found(collection, question):
    assert BestDocuments(collection).documents(question, 5) == []


def test_it_keeps_to_its_commit(collection):
    search = BestDocuments(collection)
    collection.remove(["long"])
    assert len(search.documents("moth lamp", 10)) == 4
    assert len(BestDocuments(collection).documents("moth lamp", 10)) == 3
