"""Training with distractors: the answer stays where its words are, and the seed decides."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from click.testing import CliRunner  # noqa: E402

from frugally.cli.fit import fit  # noqa: E402
from frugally.fit.reader.examples import PASSAGE_WORDS, Example, Examples  # noqa: E402
from frugally.fit.reader.network import Sizes  # noqa: E402
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
