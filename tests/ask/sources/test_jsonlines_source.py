import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frugally.ask.sources import jsonlines


def lines(*records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def test_all_keys_are_kept_and_others_ignored(read_bytes):
    record = {"id": "a", "title": "T", "text": "Words.", "url": "https://x.org", "date": [1]}
    ((document,), problems) = read_bytes("x.jsonl", lines(record))
    assert (document.id, document.title, document.url) == ("a", "T", "https://x.org")
    assert document.source.endswith("x.jsonl")
    assert not problems


def test_ids_are_strings_or_the_number_of_the_line(read_bytes):
    records = [
        {"text": "w"},
        {"id": 7, "text": "w"},
        {"id": "", "text": "w"},
        {"id": None, "text": "w"},
    ]
    documents, _ = read_bytes("x.jsonl", lines(*records))
    name = documents[0].source
    assert [d.id for d in documents] == [f"{name}#1", "7", f"{name}#3", f"{name}#4"]


def test_odd_titles_do_no_harm(read_bytes):
    records = [{"text": "w", "title": t, "url": t} for t in (None, 1984, ["x"], {}, True)]
    documents, problems = read_bytes("x.jsonl", lines(*records))
    assert [d.title for d in documents] == ["", "1984", "", "", ""]
    assert not problems


def test_bad_lines_are_named_by_number_and_skipped(read_bytes):
    data = (
        b'{"text": "one"}\n'
        b"not json\n"
        b"\n"
        b'["text"]\n'
        b'{"title": "no text"}\n'
        b'{"text": "   "}\n'
        b'{"text": 5}\n'
        b'{"text": "two"} trailing\n'
        b'{"text": "three"}'
    )
    documents, problems = read_bytes("x.jsonl", data)
    assert [d.text for d in documents] == ["one", "three"]
    assert [p.reason.partition(":")[0] for p in problems] == [
        f"line {n}" for n in (2, 4, 5, 6, 7, 8)
    ]


def test_a_file_bad_from_end_to_end_is_told_in_few_words(read_bytes):
    documents, problems = read_bytes("x.jsonl", b"bad\n" * 5000)
    assert not documents
    assert len(problems) == jsonlines.NAMED_LINES + 1
    assert problems[-1].reason == f"{5000 - jsonlines.NAMED_LINES:,} more lines like these"


def test_deep_nesting_is_a_bad_line(read_bytes):
    data = b'{"text": ' + b"[" * 100_000 + b"\n" + b'{"text": "after"}\n'
    documents, problems = read_bytes("x.jsonl", data)
    assert [d.text for d in documents] == ["after"]
    assert len(problems) == 1


@pytest.mark.parametrize("ended", [b"\n", b""])
def test_a_line_past_the_longest_is_skipped_without_being_held(ended, read_bytes, monkeypatch):
    monkeypatch.setattr(jsonlines, "LONGEST_LINE", 1000)
    long = b'{"text": "' + b"x" * 5000 + b'"}'
    data = b'{"text": "before"}\n' + long + b"\n" + b'{"text": "after"}\n' + long + ended
    documents, problems = read_bytes("x.jsonl", data)
    assert [d.text for d in documents] == ["before", "after"]
    assert [p.reason.partition(":")[0] for p in problems] == ["line 2", "line 4"]


def test_escapes_that_cannot_be_stored_are_made_storable(read_bytes):
    data = rb'{"id": "\ud800", "text": "a\u0000b \ud83d\ude00 \udfff", "title": "\udc00"}' + b"\n"
    ((document,), _) = read_bytes("x.jsonl", data)
    assert document.text == "ab \U0001f600 \ufffd"
    assert document.id == document.title == "\ufffd"


def test_bytes_that_are_not_utf8_are_replaced_and_counted(read_bytes):
    data = '{"text": "café"}\n'.encode("latin-1") * 3
    documents, (problem,) = read_bytes("x.jsonl", data)
    assert [d.text for d in documents] == ["caf\ufffd"] * 3
    assert problem.reason.startswith("3 lines")
    assert problem.kind == "repaired"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_are_understood(encoding, read_bytes):
    data = '{"text": "naïve ☃"}\n{"text": "two"}\n'.encode(encoding)
    documents, problems = read_bytes("x.jsonl", data)
    assert [d.text for d in documents] == ["naïve ☃", "two"]
    assert not problems


def test_a_first_line_longer_than_the_head_is_recognised(read_bytes):
    record = {"id": 1, "text": "word " * 40_000}
    documents, _ = read_bytes("data", lines(record, record | {"id": 2}))
    assert [d.id for d in documents] == ["1", "2"]


def test_memory_does_not_grow_with_the_file(tmp_path, read):
    import tracemalloc

    from frugally.ask.sources import read_documents

    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(lines({"text": "word " * 100}) * 20_000))
    tracemalloc.start()
    count = sum(1 for _ in read_documents(path, pytest.fail))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 6_000_000


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=3,
)
texts = st.text(max_size=12) | st.sampled_from(
    [" a", "a\u3000", "\n", "\x85", "a\nb", "\U0001f600"]
)
records = st.fixed_dictionaries(
    {},
    optional={
        "text": texts | values, "id": st.integers() | texts | values, "title": texts | values,
        "url": texts | values, "n": values, "te": texts,
    },
)  # fmt: skip
written = st.builds(
    lambda record, ascii, gaps, end: (
        json.dumps(record, ensure_ascii=ascii, separators=gaps).encode("utf-8", "surrogatepass")
        + end
    ),
    records,
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " : ")]),
    st.sampled_from([b"\n", b"\r\n", b" \n\n", b"\n \t\n"]),
)
odd = st.sampled_from(
    [
        b'{"text":"a","text":"b"}\n', b'{"text":"a",}\n', b'{,"text":"a"}\n', b'{"text":"a"} x\n',
        b'{"text":"a\x00b"}\n', b'{"text":"a\tb"}\n', b'{"text":"\\q"}\n', b'{"text":"\\u12g4"}\n',
        b'{"text":"\\ud83d\\ude00"}\n', b'{"text":"\\ud83d"}\n', b'{"text":"\\ud83dx\\ude00"}\n',
        b'{"text":"\\u0000"}\n', b'{"text":"\\n a"}\n', b'{"text":"\\/\\b\\f\\t\\\\\\""}\n',
        b'{"text":"a","id":01}\n', b'{"text":"a","id":-1}\n', b'{"text":"a","id":1.0}\n',
        b'{"text":"a","n":1.}\n', b'{"text":"a","n":.5}\n', b'{"text":"a","n":1e+5}\n',
        b'{"text":"a","n":1e}\n', b'{"text":"a","n":nul}\n', b'{"text":"a","n":NaN}\n',
        b'{"text":"a","n":-}\n', b'{"t\\u0065xt":"a"}\n', b'{"text":"a"', b'{"text":"a\n',
        b'{"text":"\xc0\xaf"}\n', b'{"text":"\xed\xa0\x80"}\n', b'{"text":"\xf4\x90\x80\x80"}\n',
        b'{"text":"\xe2\x82"}\n', b'{"text":"' + b"x" * 3000 + b'"}\n', b"{}\n", b"[]\n", b"\n",
        b'{"text":"' + b"\\u00e9" * 1000 + b'"}\n', b'{"text":"a","id":' + b"9" * 500 + b"}\n",
    ]
)  # fmt: skip


@given(st.lists(written | odd, max_size=8).map(b"".join))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_short_documents_together_are_what_they_are_one_by_one(read_bytes, data):
    read_bytes("x.jsonl", b'{"text": "first"}\n' + data)


@given(st.lists(written, min_size=1, max_size=3).map(b"".join), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_so_they_are_when_any_byte_is_another(read_bytes, data, draw):
    place = draw.draw(st.integers(0, len(data) - 1))
    byte = draw.draw(st.integers(0, 255))
    changed = data[:place] + bytes([byte]) + data[place + 1 :]
    read_bytes("x.jsonl", b'{"text": "first"}\n' + changed)
