"""The shipped table is what this Python's Unicode data says."""

import unicodedata

import numpy as np
import pytest

from frugally.text import unicode_table as table

same_version = pytest.mark.skipif(
    unicodedata.unidata_version != table.VERSION, reason="this Python has another Unicode"
)


@same_version
def test_shipped_equals_built():
    made, shipped = table.build(), table.unicode_table()
    for name in ("pages", "entries", "folds"):
        np.testing.assert_array_equal(getattr(made, name), getattr(shipped, name))


def entry(char: str) -> int:
    shipped = table.unicode_table()
    return int(shipped.entries[int(shipped.pages[ord(char) >> 8]) * 256 + (ord(char) & 255)])


@pytest.mark.parametrize(
    ("chars", "kind"),
    [
        (" \n.,-_'+$\ud800\udfff\ufffd\U0010ffff😀", table.SEPARATOR),
        ("aZé0٣Ωя한ßאع", table.WORD),
        ("漢かナกລក", table.SOLO),
        ("\u00ad\u200b\u200d\ufe0f\u0301\u034f\ufeff", table.IGNORABLE),
        ("\u093f\u0e35\u05b0\u3099", table.MARK),
    ],
)
def test_kinds(chars, kind):
    assert {c: entry(c) & 7 for c in chars} == dict.fromkeys(chars, kind)


def test_folding_of_each_code_point_is_final():
    # What a code point folds to is not folded again by the kernel: it must be at its end already.
    shipped = table.unicode_table()
    at = 1
    while at < len(shipped.folds):
        for code in shipped.folds[at + 1 : at + 1 + shipped.folds[at]].tolist():
            assert entry(chr(code)) >> 11 == 0, hex(code)
        at += 1 + int(shipped.folds[at])


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Straße", "strasse"), ("ﬁ", "fi"), ("Ａ", "a"), ("Å", "a\u030a"), ("İ", "i\u0307"),
     ("한", "한"), ("²", "2"), ("ſ", "s"), ("Σς", "σσ")],
)  # fmt: skip
def test_fold(text, folded):
    assert table.fold(text) == unicodedata.normalize("NFD", folded)
