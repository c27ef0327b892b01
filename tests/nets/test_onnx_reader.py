"""A transformer in ONNX reads: windows, offsets, the null answer; and what is none is refused."""

import contextlib
import json
import math
import random
import subprocess
import sys
from itertools import pairwise

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

import tiny_qa
from frugally.cost import metered
from frugally.errors import MissingExtraError, NetError, UsageError
from frugally.nets.onnx_reader import ANSWER, OnnxReader, _starts
from frugally.nets.pair_encoding import PairEncoder

QUESTION = "When was the tower built?"
PASSAGE = "The tower was built in 1889. It stands in Paris."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_qa.save(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def reader(folder):
    return OnnxReader.load(folder)


def found(reader, passage, question=QUESTION):
    (span,) = reader.read(question, [passage])
    return passage[span.start : span.end]


def test_the_span_is_what_the_network_says(reader):
    assert found(reader, PASSAGE) == "1889"
    assert "OnnxReader(" in repr(reader)


def test_a_score_is_the_log_odds_against_no_answer(folder, reader):
    import onnxruntime

    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    encoding = tiny_qa.make_tokenizer().encode(QUESTION, PASSAGE)
    feed = {
        "input_ids": [encoding.ids],
        "attention_mask": [encoding.attention_mask],
        "token_type_ids": [encoding.type_ids],
    }
    start, end = (x[0] for x in session.run(None, {k: np.array(v) for k, v in feed.items()}))
    year = encoding.tokens.index("1889")
    expected = start[year] + end[year] - start[0] - end[0]
    (span,) = reader.read(QUESTION, [PASSAGE])
    assert span.score == pytest.approx(float(expected), abs=1e-5)
    assert reader.confidence(span.score) == pytest.approx(1 / (1 + math.exp(-span.score)))


def test_a_passage_without_an_answer_scores_below_one_with(reader):
    with_answer, without = reader.read(QUESTION, [PASSAGE, "The tower stands in Paris."])
    assert with_answer.score > 0 > without.score


def test_an_answer_never_comes_from_the_question(reader):
    span = reader.read("Was it built in 1999?", ["The tower stands in Paris."])[0]
    assert span.score < 0


@pytest.mark.parametrize("place", [0, 1, 310, 320, 330, 369, 370, 500, 1000, 4999])
def test_an_answer_is_found_wherever_it_stands(reader, place):
    words = ["sheep"] * 1000
    words.insert(min(place, 1000), "1889")
    assert found(reader, " ".join(words)) == "1889"


@pytest.mark.parametrize(("count", "room"), [(0, 8), (1, 8), (8, 8), (9, 8), (1000, 300), (513, 9)])
def test_windows_overlap_and_hold_everything(count, room):
    starts = list(_starts(count, room))
    assert starts[0] == 0
    assert starts[-1] + room >= count
    assert all(low < high < low + room for low, high in pairwise(starts))
    assert len(starts) == 1 or starts[-2] + room < count


def test_a_span_has_at_most_30_tokens(reader):
    years = " ".join(["1889", *["the"] * (ANSWER + 5), "1958"])
    assert found(reader, years) in ("1889", "1958")


def test_marks_stay_on_their_letters(reader):
    assert found(reader, "built in 1889\u0301\u0323 and") == "1889\u0301\u0323"
    assert found(reader, "x\ud8001889 👍") in ("1889", "x\ud8001889")


@pytest.mark.parametrize(
    "more",
    [
        {"inputs": ("input_ids", "attention_mask")},
        {"integers": TensorProto.INT32},
        {"outputs": ("output_0", "output_1")},
        {"batch": 1, "length": 64},
        {"length": 48},
        {"longest": 40},
    ],
    ids=str,
)
def test_other_exports_read_the_same(tmp_path, more):
    reader = OnnxReader.load(tiny_qa.save(tmp_path / "net", **more))
    assert found(reader, PASSAGE) == "1889"
    assert found(reader, "sheep " * 300 + PASSAGE) == "1889"
    assert found(reader, PASSAGE, "when " * 200) == "1889"


def test_padding_says_nothing(tmp_path, reader):
    padded = OnnxReader.load(tiny_qa.save(tmp_path / "net", batch=1, length=64))
    (expected,), (span,) = reader.read(QUESTION, [PASSAGE]), padded.read(QUESTION, [PASSAGE])
    assert span.score == pytest.approx(expected.score, abs=1e-5)


def test_a_byte_level_tokeniser_keeps_characters_whole(tmp_path):
    folder = tiny_qa.save(tmp_path / "net")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {t: n for n, t in enumerate(["<s>", "</s>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 1), ("<s>", 0), trim_offsets=False, add_prefix_space=True
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    tiny_qa.onnx.save(tiny_qa.make_network(rows=len(vocabulary) + 200), folder / "model.onnx")
    reader = OnnxReader.load(folder)
    for passage in ("👩‍🚀 e\u0301 東京  1889", " a ", "\r\n 👍🏽"):
        (span,) = reader.read(QUESTION, [passage])
        text = passage[span.start : span.end]
        assert text == text.strip() != ""


@pytest.mark.parametrize("layout", ["file", "folder", "one file", "hub", "above"])
def test_files_are_found_where_they_are_published(tmp_path, layout):
    folder = tiny_qa.save(
        tmp_path / "net", name="tiny.onnx" if layout == "one file" else "model.onnx"
    )
    path = folder
    if layout in ("hub", "above"):
        (folder / "onnx").mkdir()
        (folder / "model.onnx").rename(folder / "onnx" / "model.onnx")
    if layout in ("file", "above"):
        path = next(folder.rglob("model.onnx"))
    assert found(OnnxReader.load(path), PASSAGE) == "1889"


def test_a_card_calibrates_and_counts(tmp_path):
    folder = tiny_qa.save(tmp_path / "net")
    card = {"calibration": {"a": 0.5, "b": -1.0}, "flops_per_token": 1000}
    (folder / "card.json").write_text(json.dumps(card))
    reader = OnnxReader.load(folder)
    assert reader.confidence(2.0) == pytest.approx(0.5)
    passages = [PASSAGE, "", "sheep " * 1000]
    with metered() as cost:
        reader.read(QUESTION, passages)
    assert cost.flops == reader.flops(QUESTION, passages) > 1000 * 1000


def test_without_a_card_the_cost_is_not_invented(reader):
    with metered() as cost:
        reader.read(QUESTION, [PASSAGE])
    assert cost.flops == reader.flops(QUESTION, [PASSAGE]) == 0
    assert (cost.passages_read, cost.bytes_read) == (1, len(PASSAGE))


@pytest.mark.parametrize(
    "card",
    ["", "[]", "{", '{"calibration": {"a": 1}}', '{"calibration": {"a": "x", "b": 1}}',
     '{"calibration": {"a": -1, "b": 0}}', '{"calibration": {"a": 1, "b": NaN}}'],
)  # fmt: skip
def test_a_card_that_is_none_is_refused(tmp_path, card):
    folder = tiny_qa.save(tmp_path / "net")
    (folder / "card.json").write_text(card)
    with pytest.raises(NetError, match=r"card\.json"):
        OnnxReader.load(folder)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"inputs": ("input_ids", "attention_mask", "position_ids")}, "its inputs are .*position"),
        ({"inputs": ("text", "attention_mask")}, "its inputs are text, attention_mask"),
        ({"outputs": ("logits",)}, "its outputs are logits; a reader's are start_logits and"),
        ({"batch": 8}, "takes 8 passages at a time"),
        ({"length": 12}, "reads 12 tokens at a time"),
        ({"pairs": False}, "it puts no .CLS. before"),
    ],
    ids=str,
)
def test_a_network_of_another_kind_is_refused(tmp_path, more, message):
    network = tiny_qa.make_network(**{k: v for k, v in more.items() if k != "pairs"})
    if "inputs" in more:  # made whole, so that it is refused for its inputs alone
        extra = [n for n in more["inputs"] if n not in ("input_ids", "attention_mask")]
        used = extra[0]
        if used == "text":
            network.graph.node[0].input[1] = "text"
        else:
            network.graph.node.append(helper.make_node("Identity", [used], ["unused"]))
    folder = tiny_qa.save(tmp_path / "net", pairs=more.get("pairs", True))
    onnx.save(network, folder / "model.onnx")
    with pytest.raises(NetError, match=message):
        OnnxReader.load(folder)


def test_outputs_that_are_not_a_score_a_token_are_refused(tmp_path):
    folder = tiny_qa.save(tmp_path / "net")
    network = tiny_qa.make_network(outputs=("start", "both"))
    del network.graph.node[-1]
    network.graph.output[1].CopyFrom(
        helper.make_tensor_value_info("both", TensorProto.FLOAT, ["batch", "length", 2])
    )
    onnx.save(network, folder / "model.onnx")
    with pytest.raises(NetError, match="a score a token"):
        OnnxReader.load(folder)


def test_scores_that_are_no_numbers_are_refused(tmp_path):
    reader = OnnxReader.load(tiny_qa.save(tmp_path / "net", factor=float("nan")))
    with pytest.raises(NetError, match="not numbers"):
        reader.read(QUESTION, [PASSAGE])


def test_a_tokeniser_of_another_network_is_noticed(tmp_path, capfd):
    reader = OnnxReader.load(tiny_qa.save(tmp_path / "net", rows=20))
    with pytest.raises(NetError, match="cannot run") as caught:
        reader.read(QUESTION, [PASSAGE])
    assert "tokenizer.json" in caught.value.hint
    assert not any(capfd.readouterr())


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_network_is_refused(tmp_path, share, capfd):
    folder = tiny_qa.save(tmp_path / "net")
    data = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(NetError, match=r"model\.onnx"):
        OnnxReader.load(folder)
    assert not any(capfd.readouterr())


def test_damage_anywhere_is_an_error_or_nothing(tmp_path):
    folder = tiny_qa.save(tmp_path / "net")
    whole = {name: (folder / name).read_bytes() for name in ("model.onnx", "tokenizer.json")}
    source = random.Random(2)
    for name, data in list(whole.items()) * 30:
        damaged = bytearray(data)
        for _ in range(source.choice([1, 3, 20])):
            damaged[source.randrange(len(data))] = source.randrange(256)
        (folder / name).write_bytes(damaged)
        with contextlib.suppress(NetError, UsageError):
            check(PASSAGE, OnnxReader.load(folder, threads=1).read(QUESTION, [PASSAGE])[0])
        (folder / name).write_bytes(data)


def check(passage, span):
    assert span is None or 0 <= span.start < span.end <= len(passage)


def test_a_tokeniser_that_panics_is_refused(tmp_path):
    folder = tiny_qa.save(tmp_path / "net")
    path = folder / "tokenizer.json"
    saved = json.loads(path.read_text())
    saved["post_processor"]["pair"][0] = {"SpecialToken": {"id": "[NONE]", "type_id": 0}}
    path.write_text(json.dumps(saved))
    with pytest.raises(NetError, match="not a tokeniser that a reader can use"):
        OnnxReader.load(folder)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "\0", '{"model": {"type": "WordPiece"}}', None])
def test_a_tokeniser_that_is_none_is_refused(tmp_path, text):
    folder = tiny_qa.save(tmp_path / "net")
    path = folder / "tokenizer.json"
    path.write_text(path.read_text()[:-200] if text is None else text)
    with pytest.raises(NetError, match=r"tokenizer\.json is not a tokeniser"):
        OnnxReader.load(folder)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(UsageError, match="nowhere does not exist"):
        OnnxReader.load(tmp_path / "nowhere")
    with pytest.raises(NetError, match="holds no network"):
        OnnxReader.load(tmp_path)
    folder = tiny_qa.save(tmp_path / "net", name="a.onnx")
    tiny_qa.save(folder, name="b.onnx")
    with pytest.raises(NetError, match=r"several networks: a\.onnx, b\.onnx"):
        OnnxReader.load(folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(NetError, match=r"holds no tokenizer\.json"):
        OnnxReader.load(folder / "a.onnx")


def test_a_reader_of_our_own_is_pointed_to():
    from frugally.cli.doctor import SHIPPED

    with pytest.raises(NetError) as caught:
        OnnxReader.load(SHIPPED.parent / "reader")
    assert "without onnx:" in caught.value.hint


def test_without_the_library_the_extra_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtraError) as caught:
        OnnxReader.load(folder)
    assert caught.value.hint == "pip install 'frugally[onnx]'"


def test_reading_loads_nothing_that_could_fetch(folder):
    code = (
        "import sys; from pathlib import Path; from frugally.nets.onnx_reader import OnnxReader; "
        f"OnnxReader.load(Path({str(folder)!r})).read('when', ['built in 1889']); "
        "print({*sys.modules} & {'huggingface_hub', 'httpx', 'requests', 'torch', 'numba'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_pair_is_joined_as_the_tokeniser_itself_does(folder):
    encoder = PairEncoder.load(folder / "tokenizer.json")
    whole = tiny_qa.make_tokenizer().encode(QUESTION, PASSAGE)
    row = encoder.join(encoder.tokens(QUESTION).ids, encoder.tokens(PASSAGE).ids)
    assert row.ids.tolist() == whole.ids
    assert row.types.tolist() == whole.type_ids
    assert whole.sequence_ids.index(1) == row.first
    assert encoder.specials == whole.special_tokens_mask.count(1)
