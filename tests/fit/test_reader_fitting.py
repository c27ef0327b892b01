"""From sample to saved reader: the exported file answers as the torch network does."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from click.testing import CliRunner  # noqa: E402

from frugally.fit.reader.evaluation import predict  # noqa: E402
from frugally.fit.reader.examples import Example, Examples  # noqa: E402
from frugally.fit.reader.export import export  # noqa: E402
from frugally.fit.reader.fitting import fit_reader  # noqa: E402
from frugally.fit.reader.network import ReaderNetwork, Sizes  # noqa: E402
from frugally.fit.reader.training import Settings  # noqa: E402
from frugally.fit.squad import load_squad  # noqa: E402
from frugally.nets.ngram_vectors import NgramRecipe, NgramVectors  # noqa: E402
from frugally.nets.reader import LstmReader  # noqa: E402
from frugally.nets.reader_card import NETWORK, VECTORS, flops, load_card  # noqa: E402
from frugally.nets.reader_features import RECIPE, Lexicon, split  # noqa: E402

SAMPLE = Path(__file__).parent.parent / "data" / "squad_sample"
SIZES = Sizes(vector=16, hidden=16, layers=2, coverage=8, null=8)


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    path = tmp_path_factory.mktemp("vectors") / VECTORS
    table = np.random.default_rng(0).normal(0, 1.0, (2000, SIZES.vector)).astype(np.float32)
    NgramVectors.quantise(table, NgramRecipe()).save(path)
    return path


@pytest.fixture(scope="module")
def fitted(tmp_path_factory, vectors):
    out = tmp_path_factory.mktemp("reader")
    settings = Settings(
        steps=60, batch=16, warmup=5, rate=5e-3, dropout=0.0, average=0.9,
        save_every_seconds=1e9, score_every_seconds=1e9,
    )  # fmt: skip
    card = fit_reader(SAMPLE, out, vectors, settings, sizes=SIZES)
    return out, card


def test_the_card_says_what_it_is(fitted):
    out, card = fitted
    assert card == json.loads((out / "card.json").read_text()) == load_card(out)
    assert card["features"]["recipe"] == RECIPE
    assert card["calibration"]["a"] > 0
    assert card["scores"]["held_out_f1"] >= card["scores"]["held_out_em"]
    assert card["training"]["step"] == 60
    assert card["bytes"] == sum((out / name).stat().st_size for name in (NETWORK, VECTORS))
    assert str(SAMPLE) not in json.dumps(card)


@pytest.mark.parametrize("int8", [False, True])
def test_the_exported_network_scores_as_torch_does(tmp_path, fitted, vectors, int8):
    out, _ = fitted
    torch.manual_seed(1)
    network = ReaderNetwork(SIZES).eval()
    reader = LstmReader.load(out)
    export(network, tmp_path / NETWORK, int8=int8)
    from frugally.nets.onnx_session import open_session

    reader = LstmReader(
        open_session(tmp_path / NETWORK, 1), NgramVectors.load(vectors), reader.card
    )
    paragraphs = load_squad(SAMPLE, "train-v1.1")
    examples = Examples(paragraphs, Lexicon())
    table = torch.from_numpy(NgramVectors.load(vectors).vectors(examples.lexicon.lower_words))
    question = paragraphs[0].questions[0].text
    passages = [p.context for p in paragraphs]
    expected = predict(
        network, table, examples, [Example(0, p, True) for p in range(len(paragraphs))]
    )
    for span, passage, (text, score) in zip(
        reader.read(question, passages), passages, expected, strict=True
    ):
        assert span.score == pytest.approx(score, abs=0.05 if int8 else 1e-4)
        assert int8 or passage[span.start : span.end] == text


def test_an_explanation_is_what_the_network_computed(tmp_path, fitted, vectors):
    out, _ = fitted
    torch.manual_seed(1)
    network = ReaderNetwork(SIZES).eval()
    export(network, tmp_path / NETWORK, int8=False)
    from frugally.nets.onnx_session import open_session

    table = NgramVectors.load(vectors)
    reader = LstmReader(open_session(tmp_path / NETWORK, 1), table, LstmReader.load(out).card)
    question, passage = "Who built the tower?", "The old tower was built by Gustave, in Paris."
    found = reader.explain(question, passage)
    (span,) = reader.read(question, [passage])
    assert (found.best.start, found.best.end) == (span.start, span.end)
    assert found.best.score == pytest.approx(span.score, abs=1e-4)
    assert found.best.text == passage[span.start : span.end]
    assert [word.word for word in found.words] == split(passage)[0]
    assert [word for word, _ in found.asked] == ["Who", "built", "the", "tower", "?"]
    assert sum(share for _, share in found.asked) == pytest.approx(1.0, abs=1e-4)
    words = torch.from_numpy(table.vectors([word.lower() for word in split(passage)[0]]))
    asked = torch.from_numpy(table.vectors([word.lower() for word, _ in found.asked]))
    with torch.no_grad():
        p, q = (network.align(x).relu() for x in (words, asked))
    shares, places = (p @ q.T).softmax(dim=1).max(dim=1)
    assert [one.asked for one in found.words] == [found.asked[i][0] for i in places.tolist()]
    assert [one.share for one in found.words] == pytest.approx(shares.tolist(), abs=1e-4)
    assert found.runners_up[0].score <= found.best.score
    assert json.dumps(found.as_dict())
    assert reader.explain(question, " ") is None
    long = reader.explain(question, "word " * 900 + passage)
    assert len(long.words) <= 400


def test_ask_shows_what_a_reader_of_ones_own_computed(tmp_path, fitted):
    from frugally.cli import cli

    (tmp_path / "a.txt").write_text("The old tower was built by Gustave, in Paris.\n")
    where = str(tmp_path / "c")
    assert CliRunner().invoke(cli, ["index", str(tmp_path), "--into", where]).exit_code == 0
    asked = ["ask", "Who built the tower?", "--in", where, "--reader", str(fitted[0]), "--explain"]
    for threshold, code in (("0", 0), ("1", 3)):
        done = CliRunner().invoke(cli, [*asked, "--threshold", threshold])
        assert done.exit_code == code, done.output
        lines = done.stdout.splitlines()
        at = lines.index("  passage: The old tower was built by Gustave, in Paris.")
        assert lines[at + 1].startswith("  question: ")
        assert re.fullmatch(r"  score: (\S+) = reader \1, search \+0.00", lines[at + 2])
        assert re.fullmatch(r"  reader: start \S+ \+ end \S+ - not here \S+", lines[at + 3])
        assert lines[at + 4].split() == ["word", "most", "like", "start", "end"]
        assert any(line.startswith("  > ") for line in lines[at + 5 :])
        assert lines[-1].startswith("  spans here: ")
    entry = json.loads(CliRunner().invoke(cli, [*asked, "--threshold", "0", "--json"]).stdout)
    told, (first, *_) = entry["explanation"], entry["evidence"]
    assert told["spans"][0]["text"] == first["text"] == entry["answer"]
    assert told["spans"][0]["score"] == pytest.approx(first["reader_score"], abs=1e-3)
    assert [one["word"] for one in told["question"]] == ["Who", "built", "the", "tower", "?"]


def test_flops_are_those_of_the_matrices():
    sizes = Sizes().as_dict()
    # One more passage word: 3 layers x 2 directions x 4 gates x 128 x (inputs + 128), twice each.
    lstm = 2 * 2 * 4 * 128 * ((200 + 128) + 2 * (256 + 128))
    rest = 2 * 96 * 96 + 3 * 2 * 12 * 96 + 2 * 2 * 768
    assert flops(sizes, 101, 12) - flops(sizes, 100, 12) == lstm + rest


def test_the_commands_fit_vectors_and_a_reader(tmp_path, vectors):
    pytest.importorskip("floret")
    from frugally.cli.fit import fit

    run = CliRunner().invoke
    result = run(fit, ["vectors", str(SAMPLE / "train-v1.1.json"), "-o", str(tmp_path / "v"),
                       "--rows", "500", "--dim", "8", "--epochs", "1"])  # fmt: skip
    assert result.exit_code == 0, result.output
    first = NgramVectors.load(tmp_path / "v" / VECTORS)
    assert (first.rows, first.dim) == (500, 8)
    again = run(fit, ["vectors", str(SAMPLE / "train-v1.1.json"), "-o", str(tmp_path / "w"),
                      "--rows", "500", "--dim", "8", "--epochs", "1"])  # fmt: skip
    assert again.exit_code == 0
    assert NgramVectors.load(tmp_path / "w" / VECTORS).digest() == first.digest()

    missing = run(fit, ["reader", str(tmp_path), "-o", str(tmp_path / "r"),
                        "--vectors", str(vectors), "--steps", "1"])  # fmt: skip
    assert missing.exit_code != 0
    assert "train-v1.1" in str(missing.exception)
