"""Training with distractors: the answer stays where its words are, and the seed decides."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from click.testing import CliRunner  # noqa: E402

from frugally.cli.fit import fit  # noqa: E402
from frugally.fit.reader.examples import PASSAGE_WORDS, Example, Examples  # noqa: E402
from frugally.fit.reader.network import ReaderNetwork, Sizes, loss  # noqa: E402
from frugally.fit.reader.training import Settings, Trainer  # noqa: E402
from frugally.fit.squad import load_squad  # noqa: E402
from frugally.nets.ngram_vectors import NgramRecipe, NgramVectors  # noqa: E402
from frugally.nets.reader_features import Lexicon, passage_features, split  # noqa: E402

SAMPLE = Path(__file__).parent.parent / "data" / "squad_sample"
SIZES = Sizes(vector=16, hidden=16, layers=2, null=8)


def fresh():
    return Examples(load_squad(SAMPLE, "train-v1.1"), Lexicon())


@pytest.fixture(scope="module")
def examples():
    made = fresh()
    assert made.add_distractors(1) > 0.5 * len(made)  # draws from a sample of 72 questions
    return made


def distracted(examples, share=1.0):
    return [e for n in range(4) for e in examples.epoch(1, n, 0.3, share) if e.at is not None]


def test_spans_still_point_at_the_answer(examples):
    chosen = distracted(examples)
    assert len(chosen) > 50
    names = {number: word for word, number in examples.lexicon._surface.items()}
    for example in chosen:
        assert example.positive
        numbers = examples.words_of(example)
        assert examples.spans_of(example)
        for first, last in examples.spans_of(example):
            read = [names[number] for number in numbers[first : last + 1].tolist()]
            wanted, _ = split(examples.answers[example.question][0])
            assert "".join(wanted) in "".join(read)


def test_a_distractor_stands_between_sentences_and_anywhere(examples):
    chosen = distracted(examples)
    lengths = [len(examples.passages[e.paragraph]) for e in chosen]
    shares = [e.at / n for e, n in zip(chosen, lengths, strict=True)]
    assert 0.0 in shares
    assert 1.0 in shares
    assert any(0 < share < 1 for share in shares)
    for example in chosen:
        words = examples.words_of(example)
        passage = examples.passages[example.paragraph]
        count = len(words) - len(passage)
        assert (words[: example.at] == passage[: example.at]).all()
        assert (words[example.at + count :] == passage[example.at :]).all()


def test_long_passages_are_cut_and_lost_answers_get_no_distractor(examples, monkeypatch):
    long = Example(0, examples.home[0], True, at=0)
    words = np.tile(examples.passages[long.paragraph], 9)[:PASSAGE_WORDS]
    passages = list(examples.passages)
    passages[long.paragraph] = words
    monkeypatch.setattr(examples, "passages", passages)
    monkeypatch.setitem(examples._distractors, 0, words[:12])
    assert len(examples.words_of(long)) == PASSAGE_WORDS
    monkeypatch.setattr(examples, "spans", [[(PASSAGE_WORDS - 5, PASSAGE_WORDS - 3)]])
    assert examples.spans_of(long) == []
    plain = replace(long, at=None)
    monkeypatch.setitem(examples._boundaries, long.paragraph, [0, 40])
    assert examples._distracted(plain, 0.5) == plain


def test_without_distractors_an_epoch_is_what_it_was(examples):
    before = fresh()
    for share in (0.0, 0.3):
        assert examples.epoch(1, 0, share, 0.0) == before.epoch(1, 0, share)
    plain, other = examples.epoch(1, 0, 0.3), examples.epoch(1, 0, 0.3, 0.5)
    assert [replace(e, at=None) for e in other] == plain
    rng = np.random.default_rng
    assert examples.batches(plain, 16, rng(0)) == before.batches(plain, 16, rng(0))
    one, two = examples.batch(plain[:9]), before.batch(plain[:9])
    np.testing.assert_array_equal(one.features, two.features)
    np.testing.assert_array_equal(one.starts, two.starts)


def test_the_same_seed_gives_the_same_examples(examples):
    again = fresh()
    again.add_distractors(1)
    assert examples.epoch(1, 0, 0.3, 0.5) == again.epoch(1, 0, 0.3, 0.5)
    for question, words in examples._distractors.items():
        np.testing.assert_array_equal(words, again._distractors[question])
    assert examples.epoch(1, 0, 0.3, 0.5) != examples.epoch(1, 1, 0.3, 0.5)


def test_the_share_is_of_the_positive_examples_with_a_distractor(examples):
    chosen = [e for n in range(40) for e in examples.epoch(1, n, 0.3, 0.4)]
    able = [e for e in chosen if e.positive and e.question in examples._distractors]
    share = sum(e.at is not None for e in able) / len(able)
    assert share == pytest.approx(0.4, abs=0.1)
    assert all(e.at is None for e in chosen if not e.positive)


def test_altered_questions_have_no_answer_and_differ(examples):
    chosen = [e for n in range(6) for e in examples.epoch(1, n, 0.0, 0.3, altered=0.5)]
    altered = [e for e in chosen if e.altered]
    assert len(altered) > 40
    assert not any(e.positive or e.at is not None for e in altered)
    batch = examples.batch(altered[:8])
    assert not batch.starts.any()
    assert not batch.ends.any()
    plain = examples.batch([replace(e, altered=False) for e in altered[:8]])
    assert batch.question.shape != plain.question.shape or (batch.question != plain.question).any()
    rest = [e for n in range(6) for e in examples.epoch(1, n, 0.3, 0.3)]
    assert not any(e.altered or e.beside is not None for e in rest)


def found(examples):
    """Each question finds its own paragraph, then the first ones there are, one of them twice."""

    def search(question, count):
        own = next(
            number
            for number, p in enumerate(examples.paragraphs)
            if question in [q.text for q in p.questions]
        )
        return [own, 0, 1, 1, *range(2, len(examples.paragraphs))][:count]

    return search


def test_found_paragraphs_lack_the_answer_and_share_the_place_with_the_article_s():
    made = fresh()
    assert made.add_found(found(made)) == len(made)
    for question, numbers in made._found.items():
        assert 2 <= len(set(numbers)) == len(numbers) <= 4
        assert made.home[question] not in numbers
        for number in numbers:
            context = made.paragraphs[number].context.lower()
            assert not any(answer.lower() in context for answer in made.answers[question])
    for share in (0.0, 0.5, 1.0):
        negative = [e for n in range(6) for e in made.epoch(1, n, 0.9, found=share)]
        negative = [e for e in negative if not e.positive]
        # Paragraphs of the same article may be found, too.
        foreign = [e for e in negative if not same_article(made, e)]
        able = [
            e
            for e in negative
            if any(not same_article(made, e, n) for n in made._found[e.question])
        ]
        assert bool(foreign) == (share > 0)
        assert len(foreign) <= (share + 0.1) * len(able)
    beside = [e.beside for e in made.epoch(1, 0, 0.0, shared=1.0, found=1.0)]
    assert all(b in made._found[q] for q, b in enumerate(beside) if b is not None)


def same_article(examples, example, number=None):
    """Whether a paragraph (the example's) is of the article that the question is of."""
    home = examples.paragraphs[examples.home[example.question]]
    return examples.paragraphs[example.paragraph if number is None else number].title == home.title


def test_passages_beside_one_another_are_normalised_together(examples):
    chosen = [e for e in examples.epoch(1, 0, 0.3, shared=0.8) if e.beside is not None][:5]
    assert len(chosen) == 5
    plain = [replace(e, beside=None) for e in chosen]
    beside = [Example(e.question, e.beside, positive=False) for e in chosen]
    batch = examples.batch([*plain[:1], *chosen[1:]])
    assert batch.groups.tolist() == [0, 1, 2, 3, 4, 1, 2, 3, 4]
    torch.manual_seed(0)
    network = ReaderNetwork(SIZES).eval()
    table = torch.randn(len(examples.lexicon.lower_words), SIZES.vector)
    with torch.inference_mode():
        whole = network(table, examples.batch([*plain, *beside]))
        own, other = [whole.start[:, :5], whole.end[:, :5]], [whole.start[:, 5:], whole.end[:, 5:]]
        expected = 0.0
        for b, example in enumerate(chosen):
            for row in (0, 1):
                odds = [
                    own[row][:, b] - whole.null[b, row],
                    other[row][:, b] - whole.null[5 + b, row],
                ]
                joint = torch.cat([*odds, torch.zeros(1)]).softmax(0)
                places = {span[row] for span in examples.spans_of(example)}
                expected -= float(torch.log(sum(joint[place] for place in places)))
        found = loss(network(table, examples.batch(chosen)), examples.batch(chosen))
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_features_are_those_of_reading_the_joined_words(examples):
    chosen = distracted(examples)[:7]
    batch = examples.batch(chosen)
    for b, example in enumerate(chosen):
        words = examples.words_of(example)
        expected = passage_features(examples.questions[example.question], words, examples.lexicon)
        assert batch.passage_lengths[b] == len(words)
        np.testing.assert_allclose(batch.features[: len(words), b], expected, rtol=1e-6)
        spans = examples.spans_of(example)
        assert np.flatnonzero(batch.starts[:, b]).tolist() == sorted({s for s, _ in spans})


def test_training_with_distractors_and_resuming(tmp_path):
    values = np.random.default_rng(0).normal(0, 2.0, (2000, SIZES.vector)).astype(np.float32)
    table = NgramVectors.quantise(values, NgramRecipe())
    settings = Settings(steps=3, batch=8, warmup=2, distractors=0.5, score_every_seconds=1e9)
    said: list[str] = []

    def run(folder, settings, report=said.append):
        held = fresh()
        return Trainer(fresh(), held, table, SIZES, settings, folder, report)

    network, _ = run(tmp_path, settings).run()
    assert "have a distractor" in said[0]
    assert all(torch.isfinite(p).all() for p in network.parameters())
    assert run(tmp_path, settings).resume()
    with pytest.raises(Exception, match="distractors"):
        run(tmp_path, replace(settings, distractors=0.0)).resume()


def test_a_checkpoint_from_before_the_setting_goes_on(tmp_path, monkeypatch):
    values = np.random.default_rng(0).normal(0, 2.0, (2000, SIZES.vector)).astype(np.float32)
    table = NgramVectors.quantise(values, NgramRecipe())
    settings = Settings(steps=2, batch=8, warmup=2, score_every_seconds=1e9)
    old = Settings.as_dict
    with monkeypatch.context() as patch:
        patch.setattr(
            Settings, "as_dict", lambda s: {k: v for k, v in old(s).items() if k != "distractors"}
        )
        Trainer(fresh(), fresh(), table, SIZES, settings, tmp_path, lambda _: None).run()
    assert Trainer(fresh(), fresh(), table, SIZES, settings, tmp_path, lambda _: None).resume()


def test_the_command_hands_the_share_on(tmp_path, monkeypatch):
    seen = []

    def fit_reader(data, out, vectors, settings, **_):
        seen.append(settings.distractors)
        return {"bytes": 0, "scores": {"held_out_em": 0.0, "held_out_f1": 0.0}}

    monkeypatch.setattr("frugally.fit.reader.fitting.fit_reader", fit_reader)
    vectors = tmp_path / "vectors.safetensors"
    vectors.write_bytes(b"")
    call = ["reader", str(SAMPLE), "--vectors", str(vectors), "-o", str(tmp_path / "out")]
    for more in ([], ["--distractors", "0.3"]):
        assert CliRunner().invoke(fit, [*call, *more]).exit_code == 0
    assert seen == [0.0, 0.3]
    assert CliRunner().invoke(fit, [*call, "--distractors", "2"]).exit_code == 2
