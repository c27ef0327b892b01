import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugally.ask.sources.encodings import TextDecoder, binary_kind, detect_encoding

FRENCH = (
    "Le théâtre était plein à craquer ; les élèves, très fatigués, répétaient la leçon où "
    "l'été précède l'automne. Ça n'a pas été facile, mais la pièce s'achève enfin.\n"
) * 3
RUSSIAN = (
    "Наука о том, как найти нужное в большом собрании текстов, старше вычислительных машин. "
    "Каталоги библиотек были её первым орудием, и многие из них служат до сих пор.\n"
) * 3
JAPANESE = (
    "図書館で本を探すには、まず目録を調べます。目録には書名と著者名が書いてあります。"
    "コンピュータを使えば、もっと速く見つけることができます。\n"
) * 3
CHINESE = (
    "在图书馆里找书，首先要查目录。目录上写着书名和作者的名字。"
    "如果使用计算机，就可以更快地找到需要的资料。\n"
) * 3
KOREAN = (
    "도서관에서 책을 찾으려면 먼저 목록을 찾아봅니다. 목록에는 책 이름과 지은이가 있습니다.\n" * 3
)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (FRENCH, "latin-1"),
        (FRENCH, "utf-8"),
        (FRENCH, "utf-8-sig"),
        (FRENCH, "utf-16"),
        (FRENCH, "utf-16-le"),
        (FRENCH, "utf-16-be"),
        (FRENCH, "utf-32"),
        (RUSSIAN, "koi8-r"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "utf-16-le"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (JAPANESE, "utf-16-be"),
        (CHINESE, "gb18030"),
        (CHINESE, "utf-16-le"),
        (KOREAN, "euc_kr"),
    ],
)
def test_text_is_read_in_the_encoding_it_is_in(text, encoding, read_bytes):
    documents, problems = read_bytes("text.txt", text.encode(encoding))
    assert documents[0].text == text
    assert not problems


def test_a_text_that_turns_out_latin_late_is_read_right(read_bytes):
    plain = "Plain words of ASCII only fill the first pages.\n" * 60_000
    documents, _ = read_bytes("late.txt", plain.encode() + FRENCH.encode("latin-1"))
    assert documents[-1].text.endswith(FRENCH)


def test_bytes_that_make_no_sense_are_replaced_and_counted(read_bytes):
    data = FRENCH.encode() + b"\xff\xfe broken \xe9 " + FRENCH.encode()
    documents, (problem,) = read_bytes("mixed.txt", data)
    assert documents[0].text == f"{FRENCH}\ufffd\ufffd broken \ufffd {FRENCH}"
    assert problem.kind == "repaired"
    assert problem.reason == "3 characters are not valid utf-8 and were replaced"


def test_a_replacement_character_that_was_there_is_no_damage(read_bytes):
    documents, problems = read_bytes("said.txt", "It showed \ufffd.".encode())
    assert documents[0].text == "It showed \ufffd."
    assert not problems


def test_stray_nulls_are_dropped(read_bytes):
    documents, problems = read_bytes("nulls.txt", b"one\0two\n" * 2 + b"some more words\n" * 10)
    assert documents[0].text.startswith("onetwo\nonetwo\nsome more words\n")
    assert not problems


def test_an_odd_run_of_bytes_is_no_utf16():
    assert detect_encoding(b"Plain words") == "utf-8"
    assert detect_encoding(b"one\0two") == "utf-8"


@given(st.text(alphabet=st.characters(exclude_characters="\0\r", exclude_categories=["Cs"])))
def test_any_text_in_utf8_comes_back_whole_however_it_is_cut(text):
    data = text.encode("utf-8")
    decoder = TextDecoder(b"")
    # A byte order mark is no character of the text.
    if text.startswith("\ufeff"):
        return
    got = "".join(decoder.decode(data[i : i + 3]) for i in range(0, len(data), 3))
    assert got + decoder.decode(b"", final=True) == text


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"\xc3\xa9"])))
def test_line_ends_are_one_whatever_they_were_and_wherever_cut(pieces):
    decoder = TextDecoder(b"")
    text = "".join(decoder.decode(piece) for piece in pieces) + decoder.decode(b"", final=True)
    assert text == b"".join(pieces).decode().replace("\r\n", "\n").replace("\r", "\n")


@given(st.binary(max_size=3000))
def test_any_bytes_can_be_looked_at(data):
    binary_kind(data)
    "x".encode(detect_encoding(data))
