"""Distillation: the loss by hand, and teachers that are files and programs, good and bad."""

import json
import sys
import time

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from frugally.errors import FrugallyError, UsageError
from frugally.fit.distillation import (
    CommandTeacher,
    Distillation,
    FileTeacher,
    Taught,
    distilled,
    shares_of,
)


def softmax(logits):
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def rows(source, count=4, labels=3):
    return source.normal(size=(count, labels)).astype(np.float32) * 2


def test_the_loss_by_hand():
    source = np.random.default_rng(0)
    teacher, student = rows(source), rows(source)
    labels = np.array([0, 2, 1, 0])
    weights = np.array([0.0, 0.3, 0.7, 1.0], np.float32)
    taught = Taught.of(softmax(teacher), weights, temperature=3.0)
    np.testing.assert_allclose(taught.shares, softmax(teacher / 3), rtol=1e-5)
    hard = -np.log(softmax(student))[np.arange(4), labels]
    soft = -(softmax(teacher / 3) * np.log(softmax(student / 3))).sum(axis=1)
    found = distilled(torch.from_numpy(hard), torch.from_numpy(student), taught)
    np.testing.assert_allclose(found, (1 - weights) * hard + weights * 9 * soft, rtol=1e-5)


def test_at_high_temperature_logits_are_matched():
    """Hinton et al. 2015, section 2.1: the gradient is (z - v) / N for logits of zero mean."""
    source = np.random.default_rng(1)
    teacher, student = (x - x.mean(axis=1, keepdims=True) for x in (rows(source), rows(source)))
    logits = torch.from_numpy(student).requires_grad_()
    taught = Taught.of(softmax(teacher), np.ones(4, np.float32), temperature=500.0)
    distilled(torch.zeros(4), logits, taught).sum().backward()
    np.testing.assert_allclose(logits.grad, (student - teacher) / 3, atol=0.02)


def test_one_label_alone_is_not_softened():
    shares = np.array([[0, 1, 0], [0, 0.5, 0.5]], np.float32)
    taught = Taught.of(shares, np.ones(2, np.float32), temperature=4.0)
    np.testing.assert_allclose(taught.shares, shares)
    assert taught.temperatures.tolist() == [1, 4]
    assert taught.some(np.array([1])).temperatures.tolist() == [4]


def test_answers_become_rows():
    found = shares_of([{"b": 0.75, "a": 0.25}, {"a": 1.0}, {}], ["a", "b"])
    assert found.tolist() == [[0.25, 0.75], [1, 0], [0, 0]]
    with pytest.raises(UsageError, match="'c', which is no label") as error:
        shares_of([{"c": 1.0}], ["a", "b"])
    assert "'a', 'b'" in error.value.hint


@pytest.mark.parametrize("wrong", [{"temperature": 0.0}, {"temperature": float("nan")}])
@pytest.mark.parametrize("other", [{}, {"weight": 1.5}, {"weight": -0.1}])
def test_settings_without_sense(wrong, other):
    with pytest.raises(UsageError):
        Distillation(**wrong)
    if other:
        with pytest.raises(UsageError):
            Distillation(**other)


def test_a_file_of_predictions(tmp_path):
    path = tmp_path / "said.jsonl"
    entries = [
        {"text": "a  b", "label": " x\ty "},
        {"text": "c", "probabilities": {"x": 1, "y": 3}},
        {"text": "d", "label": 5},
    ]
    path.write_bytes(b"\xef\xbb\xbf" + "\n\n".join(map(json.dumps, entries)).encode())
    teacher = FileTeacher(path)
    assert teacher.texts() == ["a b", "c", "d"]
    assert teacher.answers(["c", "a b", "?", "d"]) == [
        {"x": 0.25, "y": 0.75},
        {"x\ty": 1.0},
        None,
        {"5": 1.0},
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no json", "line 2: not a JSON object: no json"),
        ("[1]", "not a JSON object"),
        ("\xff", "not a JSON object"),
        ('{"label": "x"}', "no text"),
        ('{"text": "a"}', "neither a label nor probabilities"),
        ('{"text": "a", "label": ["x"]}', "neither a label"),
        ('{"text": "a", "probabilities": {"x": -1}}', "-1 is no probability"),
        ('{"text": "a", "probabilities": {"x": NaN}}', "nan is no probability"),
        ('{"text": "a", "probabilities": {"x": "1"}}', "'1' is no probability"),
        ('{"text": "a", "probabilities": {}}', "sum to 0"),
        ('{"text": "a", "label": "\\ud800"}', r"the label '\\ud800' is not text"),
        ('{"text": "a", "probabilities": {"\\udc00": 1}}', r"the label '\\udc00' is not text"),
    ],
)
def test_lines_that_are_no_predictions(tmp_path, line, message):
    path = tmp_path / "said.jsonl"
    path.write_text('{"text": "a", "label": "x"}\n' + line, encoding="latin-1")
    with pytest.raises(UsageError, match=message):
        FileTeacher(path)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read .*none\.jsonl"):
        FileTeacher(tmp_path / "none.jsonl")


def program(tmp_path, source, seconds=60.0):
    path = tmp_path / "teacher.py"
    path.write_text("import json, sys, time\n" + source)
    return CommandTeacher(f"{sys.executable} '{path}'", seconds)


ANSWERS = """
for line in sys.stdin:
    text = json.loads(line)["text"]
    print(json.dumps({"probabilities": {"short": 1, "long": len(text)}}))
"""


def test_a_program(tmp_path):
    teacher = program(tmp_path, ANSWERS)
    assert teacher.texts() == []
    assert teacher.answers(["a", "b\nc", "\ud800é"]) == [
        {"short": 0.5, "long": 0.5},
        {"short": 0.25, "long": 0.75},
        {"short": pytest.approx(1 / 3), "long": pytest.approx(2 / 3)},
    ]
    assert len(teacher.answers(["many words " * 50] * 5_000)) == 5_000


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("sys.exit('no weights')", "exit code 1: no weights"),
        ("import os; os.kill(os.getpid(), 9)", "exit code -9"),
        ("print('loading'); sys.stdin.read()", "line 1: not a JSON object: loading"),
        ("print(json.dumps({'label': 'a'}))", "wrote 1 lines for 2 texts"),
        ("[print('{\"label\": 1}') for _ in range(3)]", "wrote 3 lines for 2 texts"),
        ("pass", "wrote 0 lines"),
        ("print('{}')", "neither a label nor probabilities"),
    ],
)
def test_programs_that_do_not_answer(tmp_path, source, message):
    with pytest.raises(FrugallyError, match=message):
        program(tmp_path, source).answers(["a", "b"])


@pytest.mark.parametrize("command", ["/no/such/program", "''", "a 'b"])
def test_programs_that_cannot_be_started(command):
    with pytest.raises(UsageError, match="cannot start"):
        CommandTeacher(command).answers(["a"])


@pytest.mark.parametrize("command", ["", " ", "\t\n"])
def test_a_command_that_is_empty(command):
    with pytest.raises(UsageError, match="command is empty"):
        CommandTeacher(command)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e7])
def test_seconds_that_nothing_can_be_given(seconds):
    with pytest.raises(UsageError, match="cannot be given"):
        CommandTeacher("true", seconds)


def test_a_program_may_be_given_all_the_time_there_is(tmp_path):
    assert len(program(tmp_path, ANSWERS, 1e6).answers(["a"])) == 1


def test_a_program_that_takes_too_long_is_stopped_with_what_it_started(tmp_path):
    source = (
        "import subprocess; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    )
    started = time.monotonic()
    with pytest.raises(FrugallyError, match=r"stopped after 0\.5 seconds") as error:
        program(tmp_path, source, 0.5).answers(["a"])
    assert "--teacher-seconds" in error.value.hint
    assert time.monotonic() - started < 30
