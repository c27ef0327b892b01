"""What encoding bytes are in, and whether they are text at all."""

from __future__ import annotations

import codecs
import io
import re
import unicodedata

# How much a guess is made from. More is slower and hardly surer.
SAMPLE_BYTES = 1 << 15

_BOMS = (
    # The mark of UTF-32 begins with that of UTF-16: the longer first.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_BINARY_MAGIC = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\x00asm", "a program"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document; save it as .docx"),
    (b"{\\rtf", "a rich text document; save it as .docx"),
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a zip archive"),
    (b"Rar!\x1a", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x28\xb5\x2f\xfd", "Zstandard data; unpack it first"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"RIFF", "a video, sound or image"),
    (b"OggS", "a video or sound"),
    (b"ID3", "sound"),
    (b"fLaC", "sound"),
    (b"\x1aE\xdf\xa3", "a video"),
)

# Control characters that no text holds; NUL is judged apart, as some texts hold a stray one.
_CONTROLS = bytes(c for c in range(1, 32) if c not in b"\a\b\t\n\v\f\r\x1a\x1b")


def binary_kind(head: bytes) -> str:
    """Return what kind of binary file starts with `head`, "" if it is text."""
    for magic, kind in _BINARY_MAGIC:
        if head.startswith(magic):
            return kind
    if head[257:262] == b"ustar":
        return "a tar archive; unpack it first"
    if head[4:8] == b"ftyp":
        return "a video"
    if with_bom(head) or _utf16_without_bom(head):
        return ""
    controls = len(head) - len(head.translate(None, _CONTROLS))
    # Random bytes are 8 % controls; a text with a few stray ones stays under 4 %.
    if controls > max(2, len(head) * 0.04) or head.count(0) > max(8, len(head) * 0.1):
        return "a binary file"
    return ""


def with_bom(head: bytes) -> str:
    """Return the encoding that a byte order mark at the start of `head` names, or ""."""
    return next((encoding for bom, encoding in _BOMS if head.startswith(bom)), "")


def detect_encoding(sample: bytes) -> str:
    """Return the name of the codec that `sample` is most likely in; never fails.

    A byte order mark decides; then UTF-16 by its zero bytes; then UTF-8 unless much of what is
    not ASCII is invalid in it (a few damaged bytes do not make it another encoding); then how
    well its letters fit.
    """
    sample = sample[:SAMPLE_BYTES]
    if named := with_bom(sample) or _utf16_without_bom(sample):
        return named
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(sample)
    beyond_ascii = sum(1 for c in text if c > "\x7f")
    invalid = text.count("\ufffd") - sample.count("\ufffd".encode())
    return "utf-8" if invalid * 4 <= beyond_ascii else _guess(sample)


def _guess(sample: bytes) -> str:
    """Return the likeliest of the encodings that came before Unicode."""
    beyond_ascii = _HIGH_RUN.findall(sample)
    # Latin writing is ASCII with an accent here and there; in others whole words are beyond it.
    if sum(map(len, beyond_ascii)) < 1.6 * len(beyond_ascii):
        return _by_letters(sample, _LATIN)
    from charset_normalizer import from_bytes

    # The sample may end inside a character: end it at a line if there is one.
    whole_lines = sample[: sample.rfind(b"\n") + 1] or sample
    for match in from_bytes(
        whole_lines, steps=8, chunk_size=1024, cp_isolation=[*_EAST_ASIAN, *_OTHERS]
    ):
        text = str(match)
        # A Japanese code page reads bytes of other languages as half-width katakana.
        if match.encoding in _EAST_ASIAN and len(_HALF_WIDTH.findall(text)) * 5 < len(text):
            return match.encoding
        if match.encoding in _OTHERS:
            break
    return _by_letters(sample, _OTHERS)


def _by_letters(sample: bytes, letters: dict[str, str]) -> str:
    """Return the encoding in which the largest share of letters are frequent ones.

    Of equals the first in the table wins. Bytes that mean nothing in an encoding count against it.
    """
    high = b"".join(_HIGH_RUN.findall(sample))

    def share(encoding: str) -> float:
        text = high.decode(encoding, "replace")
        frequent = frozenset(letters[encoding] + letters[encoding].upper())
        return sum(character in frequent for character in text) / len(text)

    return max(letters, key=share)


_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_HALF_WIDTH = re.compile("[\uff61-\uff9f]")
_EAST_ASIAN = ("gb18030", "big5", "shift_jis", "cp932", "euc_jp", "euc_kr", "cp949")
# Letters beyond ASCII of the languages that were written in each. Lists overlap where languages
# do: Portuguese also has the õ that tells Hungarian from French.
_LATIN = {
    "cp1254": "çğıİöşüâîû’“”",
    "cp1252": "àáâãäåæçèéêëìíîïñòóôöøùúûüýÿßœðþ«»’“”–—€°¿¡",
    "cp1250": "áâäăąćčďđéęěíîľĺłńňóôöőřśšşťţúůűüýźžż„”–",
}
# The ten most frequent letters of the languages that were written in each.
_OTHERS = {
    "cp1251": "оеаинтсрвліј",
    "koi8_u": "оеаинтсрвлі",
    "iso8859_5": "оеаинтсрвлі",
    "cp866": "оеаинтсрвл",
    "mac_cyrillic": "оеаинтсрвлі",
    "cp1253": "αοιετσνηυράίς",
    "cp1255": "יוהלאמתרבש",
    "cp1256": "الينموترعه",
    "tis_620": "านรอกเงมยลวดท่",
}


def _utf16_without_bom(sample: bytes) -> str:
    """Return "utf-16-le" or "utf-16-be" if the zero bytes of `sample` say so, or "".

    Spaces and line ends of UTF-16 are a byte and a zero byte, always in the same order, in any
    language; a stray NUL in another encoding makes nonsense of the rest when read as UTF-16.
    """
    if b"\0" not in sample or _is_utf8(sample.translate(None, b"\0"), zeros=sample.count(0)):
        return ""
    sample = sample[: min(len(sample), 8192) & ~1]
    texts = {
        encoding: codecs.getincrementaldecoder(encoding)("replace").decode(sample)
        for encoding in ("utf-16-le", "utf-16-be")
    }
    # Letters of ASCII will not do: 一, U+4E00, is an N in the other order of bytes.
    spaces = {encoding: sum(map(text.count, " \n\r")) for encoding, text in texts.items()}
    encoding = max(spaces, key=lambda encoding: spaces[encoding])
    if spaces[encoding] < 20 * min(spaces.values()) or spaces[encoding] * 500 < len(sample):
        return ""
    strange = sum(
        1
        for character in texts[encoding]
        if unicodedata.category(character) in _STRANGE and character not in "\r\n\t"
    )
    return "" if strange * 20 > len(texts[encoding]) else encoding


_STRANGE = {"Cc", "Cn", "Co", "Cs"}


def _is_utf8(sample: bytes, zeros: int) -> bool:
    """Whether `sample`, without its few `zeros`, is UTF-8 text, the last character cut perhaps."""
    if zeros * 4 > len(sample) or len(sample.translate(None, _CONTROLS)) < len(sample):
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return False
    return True


class TextDecoder:
    """Bytes to text, piece by piece: NULs dropped, all line ends made line feeds.

    The encoding is settled by the first piece that is not plain ASCII, so that a long file whose
    first accent comes late is read right. `replaced` counts characters that made no sense.
    """

    def __init__(self, head: bytes) -> None:
        self.encoding = with_bom(head)
        self.replaced = 0
        self._decoder = self._start(self.encoding) if self.encoding else None
        # Line ends may be cut in two between pieces; this keeps the first half back.
        self._line_ends = io.IncrementalNewlineDecoder(None, translate=True)

    def decode(self, data: bytes, final: bool = False) -> str:
        """Return the text of the next piece; `final` ends the last character."""
        if self._decoder is None and not (data.isascii() and b"\0" not in data):
            self.encoding = detect_encoding(_window(data))
            self._decoder = self._start(self.encoding)
        if self._decoder is None:
            text = data.decode("ascii")
        else:
            text = self._decoder.decode(data, final)
            if "\ufffd" in text:
                self.replaced += text.count("\ufffd")
                if self.encoding.startswith("utf-8"):
                    self.replaced -= data.count(b"\xef\xbf\xbd")
        text = self._line_ends.decode(text, final)
        return text.replace("\0", "") if "\0" in text else text

    @staticmethod
    def _start(encoding: str) -> codecs.IncrementalDecoder:
        return codecs.getincrementaldecoder(encoding)("replace")


_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")


def _window(data: bytes) -> bytes:
    """Return the part of `data` to guess from: a sample around its first byte beyond ASCII."""
    if with_bom(data) or b"\0" in data[:SAMPLE_BYTES]:
        return data[:SAMPLE_BYTES]
    found = _BEYOND_ASCII.search(data)
    start = max(0, found.start() - SAMPLE_BYTES // 4) if found else 0
    return data[start : start + SAMPLE_BYTES]
