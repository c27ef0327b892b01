import pytest


def cue_texts(document):
    return [(c.begins, c.ends, document.text[c.start : c.end]) for c in document.cues]


@pytest.fixture
def cues(read_bytes):
    def read_cues(source: str, name="x.srt"):
        documents, problems = read_bytes(name, source.encode())
        return cue_texts(documents[0]), problems

    return read_cues


def test_a_real_srt(samples, read):
    (document,), _ = read(samples / "hf-course-01.en.srt")
    texts = cue_texts(document)
    assert texts[0] == (0.069, 1.341, "(screen whooshes)")
    assert document.text.count("\n") == 0
    assert all(a.end + 1 == b.start for a, b in zip(document.cues, document.cues[1:], strict=False))


def test_a_real_vtt(samples, read):
    (document,), _ = read(samples / "elephants-dream.en.vtt")
    texts = cue_texts(document)
    assert texts[0] == (15.0, 17.951, "At the left we can see...")
    assert texts[3] == (21.999, 24.368, "Everything is safe. Perfectly safe.")


def test_a_real_sbv_by_another_name(samples, read):
    (document,), _ = read(samples / "hf-course-03-sbv.fr.srt")
    assert cue_texts(document)[0] == (5.44, 9.36, "Qu'est-ce que l'apprentissage par transfert ?")


def test_rolling_captions_occur_once(cues):
    source = """WEBVTT
Kind: captions

00:00:00.000 --> 00:00:02.000 align:start position:0%
{one_space}
so<00:00:00.500><c> today</c><00:00:01.000><c> we</c>

00:00:02.000 --> 00:00:02.010 align:start position:0%
so today we


00:00:02.010 --> 00:00:04.000 align:start position:0%
so today we
talk<00:00:02.500><c> about</c>

00:00:04.000 --> 00:00:04.010 align:start position:0%
talk about


00:00:04.010 --> 00:00:06.000 align:start position:0%
talk about
rain
""".replace("{one_space}", " ")
    texts, _ = cues(source, "x.vtt")
    assert texts == [(0.0, 2.01, "so today we"), (2.01, 4.01, "talk about"), (4.01, 6.0, "rain")]


def test_a_word_said_twice_stays_twice(cues):
    lines = ["Who?", "Me.", "You?", "No.", "No.", "Go."]
    source = "".join(
        f"{i}\n00:00:{i:02},000 --> 00:00:{i + 1:02},000\n{line}\n\n"
        for i, line in enumerate(lines)
    )
    assert [text for _, _, text in cues(source)[0]] == lines


def test_cues_out_of_order_and_over_one_another_are_sorted(cues):
    source = "00:10.000 --> 00:14.000\nb\n\n00:01.000 --> 00:12.000\na\n"
    assert cues(source)[0] == [(1.0, 12.0, "a"), (10.0, 14.0, "b")]


def test_cues_that_end_before_they_begin_are_repaired_and_reported(cues):
    source = (
        "00:10,0 --> 00:05,0\nback in time\n\n00:12,0 --> 00:13,0\nthen\n\n"
        "1:00,0 --> 0:01,0\nlast\n"
    )
    texts, (problem,) = cues(source)
    assert texts == [(10.0, 11.0, "back in time"), (12.0, 13.0, "then"), (60.0, 61.0, "last")]
    assert problem.kind == "repaired"
    assert problem.reason.endswith(": 2")


@pytest.mark.parametrize(
    ("clock", "seconds"),
    [
        ("00:00:01,5", 1.5),
        ("01:02.25", 62.25),
        ("1:00:00.000", 3600),
        ("-00:00:00,485", 0),
        ("0:7", 7),
    ],
)
def test_clocks_of_all_makes(clock, seconds, cues):
    assert cues(f"1\n{clock} --> 02:00:00,000\nx\n")[0][0][0] == seconds


def test_tags_go_and_what_only_looks_like_one_stays(cues):
    source = (
        "1\n0:00:01,0 --> 0:00:02,0\n<i>The <b>token</b></i> <s> or <pad> "
        "{\\an8}<font color='#fff'>is</font> <v Ada>here</v> &amp; &lt;there&gt;\n"
    )
    assert cues(source)[0][0][2] == "The token <s> or <pad> is here & <there>"


def test_notes_styles_and_names_of_cues_are_not_said(cues):
    source = (
        "WEBVTT - title\n\nSTYLE\n::cue { color: red }\n\nNOTE\nof the author\n\nintro\n"
        "00:01.000 --> 00:02.000\nHello.\n\nNOTE 2\n\n00:03.000 --> 00:04.000\nBye.\n"
    )
    assert [text for _, _, text in cues(source, "x.vtt")[0]] == ["Hello.", "Bye."]


def test_srt_without_blank_lines_or_with_too_many(cues):
    source = (
        "1\n00:01,0 --> 00:02,0\none\n\ngoes on\n2\n00:03,0 --> 00:04,0\ntwo\n\n\n3\n"
        "00:05,0 --> 00:06,0\n1984\n"
    )
    assert [text for _, _, text in cues(source)[0]] == ["one goes on", "two", "1984"]


@pytest.mark.parametrize("name", ["x.srt", "x.vtt", "x.sbv"])
@pytest.mark.parametrize("source", ["WEBVTT\n", "just words\n", "1\n00:01,0 --> 00:02,0\n\n"])
def test_files_without_cues_are_reported(name, source, read_bytes):
    documents, (problem,) = read_bytes(name, source.encode())
    assert not documents
    assert "no cues" in problem.reason
