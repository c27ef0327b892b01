"""Reading treebanks: what counts as a word, and what is refused with its line."""

import lzma

import pytest

from frugally.errors import SourceError, UsageError
from frugally.fit.conllu import find_parts, load_treebank, parse_conllu, read_conllu

WELL = """\
# text = I can't go.
1\tI\tI\tPRON\t_\t_\t0\troot\t_\t_
2-3\tcan't\t_\t_\t_\t_\t_\t_\t_\t_
2\tca\tcan\tAUX\t_\t_\t1\taux\t_\t_
3\tn't\tnot\tPART\t_\t_\t1\tadvmod\t_\t_
3.1\tempty\t_\tVERB\t_\t_\t_\t_\t_\t_
4\tgo\tgo\tVERB\t_\t_\t1\tdep\t_\tSpaceAfter=No
5\t#\t.\tPUNCT

# newpar
1\tchủ tịch\t_\t_\t_\t_\t_\t_\t_\t_"""


def test_words_are_the_syntactic_ones():
    first, second = parse_conllu(WELL)
    assert first.words == ("I", "ca", "n't", "go", "#")
    assert first.tags == ("PRON", "AUX", "PART", "VERB", "PUNCT")
    assert second.words == ("chủ tịch",)
    assert second.tags == (None,)


def test_line_ends_marks_and_empty_lines_do_not_matter():
    other = "\ufeff\n\n" + WELL.replace("\n\n", "\n \n\n").replace("\n", "\r\n") + "\n\n\n"
    assert parse_conllu(other) == parse_conllu(WELL)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("1\ta\t_\tX\n2 b _ X", "line 2: 1 columns"),
        ("1\ta\t_\tX\n3\tb\t_\tX", "line 2: word '3' where word 2"),
        ("1\ta\t_\tX\n\n\nx\tb\t_\tX", "line 4: word 'x' where word 1"),
        ("1\t\t_\tX", "line 1: an empty FORM"),
        ("1\ta\t_\t", "line 1: an empty UPOS"),
    ],
)
def test_bad_lines_are_named(bad, words):
    with pytest.raises(SourceError, match=words):
        parse_conllu(bad)


def test_files(tmp_path):
    packed = tmp_path / "a.conllu.xz"
    packed.write_bytes(lzma.compress(WELL.encode()))
    assert read_conllu(packed) == parse_conllu(WELL)
    bad = tmp_path / "b.conllu"
    bad.write_bytes(b"1\ta\t_\tX\n2\t\xff\t_\tX\n")
    with pytest.raises(SourceError, match="line 2: not UTF-8"):
        read_conllu(bad)
    bad.write_bytes(b"# only a comment\n")
    with pytest.raises(SourceError, match="no sentence"):
        read_conllu(bad)
    packed.write_bytes(b"not xz")
    with pytest.raises(SourceError, match="cannot read"):
        read_conllu(packed)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("en_ewt-ud-train.conllu", "train"),
        ("train.conllu.xz", "train"),
        ("de_hdt-ud-train-a-1.conllu", "train"),
        ("dev.conllu", "dev"),
        ("test-suite-ud-dev.conllu", "dev"),
        ("x_test-ud-test.conllu.xz", "test"),
    ],
)
def test_parts_are_found_by_name(tmp_path, name, part):
    (tmp_path / name).touch()
    (tmp_path / "train.txt").touch()
    found = find_parts(tmp_path)
    assert [p.name for p in found[part]] == [name]
    assert sum(map(len, found.values())) == 1


def test_without_dev_a_tenth_of_train_is_held_out(tmp_path):
    sentence = "1\tw{}\t_\tNOUN\n\n"
    (tmp_path / "train.conllu").write_text("".join(map(sentence.format, range(50))))
    bank = load_treebank(tmp_path)
    assert len(bank.train) == 45
    assert len(bank.dev) == 5
    assert not set(bank.train) & set(bank.dev)
    assert load_treebank(tmp_path) == bank
    assert bank.name == tmp_path.name


def test_nothing_to_train_on(tmp_path):
    with pytest.raises(UsageError, match="no file to train on"):
        load_treebank(tmp_path)
    (tmp_path / "train.conllu").write_text("1\ta\t_\t_\n")
    with pytest.raises(UsageError, match="no tags"):
        load_treebank(tmp_path)
