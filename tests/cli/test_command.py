"""The command as a user meets it: output, exit codes, hints."""

import json
import os
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from frugally.ask.evidence import Evidence, sentence_around
from frugally.ask.hit import Hit
from frugally.cli import answers, cli, main
from frugally.cli.progress import waiting
from frugally.cli.showing import one_line, printable
from frugally.cost import spend
from frugally.errors import FrugallyError
from frugally.nets.reading import Span


class Finder:
    """A reader that knows one word."""

    def read(self, question, passages):
        spend(passages_read=len(passages))
        return [
            Span(start=p.find("Canberra"), end=p.find("Canberra") + 8, score=40.0)
            if "Canberra" in p
            else None
            for p in passages
        ]

    def flops(self, question, passages):
        return 1_000_000 * len(passages)

    def confidence(self, score):
        return 0.9


@pytest.fixture
def finder(monkeypatch):
    monkeypatch.setattr("frugally.nets.reader.shipped_reader", Finder)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.txt").write_text("Australia is a country.\n\nIts capital is Canberra, a city.\n")
    (docs / "b.md").write_text("# Channel shuffle\n\nShuffleNet mixes the channels of groups.\n")
    run("index", "docs", "--into", "c")
    return tmp_path


def run(*args, code=0, stdin=None):
    """What a command printed on standard output and standard error."""
    result = CliRunner().invoke(cli, list(args), input=stdin, standalone_mode=False)
    error = result.exception
    if error is not None:
        assert isinstance(error, FrugallyError) or getattr(error, "exit_code", None), error
        assert getattr(error, "exit_code", None) == code
        return str(error), ""
    assert (result.return_value or 0) == code, result.output
    return result.stdout, result.stderr


def test_ask_prints_answer_evidence_place_and_cost(folder, finder):
    out, err = run("What is the capital of Australia?", "--in", "c")
    first, sentence, where = out.splitlines()[:3]
    assert first.startswith("Canberra  (")
    assert "Its capital is Canberra, a city." in sentence
    assert "docs/a.txt" in where
    assert "line 3" in where
    assert err.startswith("read 1 of 2 passages")


def test_ask_as_json_has_the_same(folder, finder):
    out, _ = run("ask", "capital of Australia", "--in", "c", "--json")
    result = json.loads(out)
    evidence = result["evidence"][0]
    text = (folder / "docs/a.txt").read_text()
    assert result["answer"] == "Canberra" == text[evidence["start"] : evidence["end"]]
    assert 0 < result["confidence"] <= 1
    assert result["cost"]["passages_total"] == 2


def test_no_answer_exits_with_3_and_shows_what_is_near(folder, finder):
    out, _ = run("Which channels are mixed?", "--in", "c", code=3)
    assert out.startswith("No answer in these sources.")
    assert "ShuffleNet mixes" in out
    out, _ = run("ask", "qqq", "--in", "c", "--json", code=3)
    assert json.loads(out)["answer"] is None


def test_a_threshold_that_nothing_reaches_refuses(folder, finder):
    out, _ = run("capital of Australia", "--in", "c", "--threshold", "1", code=3)
    assert "'Canberra', is only" in out


@pytest.mark.parametrize("question", ["", "  ", "?!", "…"])
def test_an_empty_question_is_a_usage_error(folder, question):
    message, _ = run("ask", question, "--in", "c", code=2)
    assert message == "the question is empty"


def test_a_question_of_100_kb_from_standard_input(folder, finder):
    out, _ = run("ask", "-", "--in", "c", stdin="capital of Australia " * 5000)
    assert out.startswith("Canberra")


def test_search_shows_hits_shares_and_json(folder):
    out, err = run("search", "channel shuffle", "--in", "c", "--explain")
    assert out.startswith(" 1. Channel shuffle")
    assert "in 1 passages)" in out
    assert "scored" in err
    out, _ = run("search", "channel shuffle", "--in", "c", "--explain", "--json")
    hit = json.loads(out)["hits"][0]
    assert sum(share["score"] for share in hit["shares"]) == pytest.approx(hit["score"], abs=1e-12)


def test_search_without_a_hit_exits_with_3(folder):
    out, _ = run("search", "qqq", "--in", "c", code=3)
    assert out == "No passage has any of these words.\n"


def test_search_for_a_prompt_stays_inside_its_tokens(folder):
    out, _ = run("search", "channels capital", "--in", "c", "--tokens", "30")
    assert out.startswith("[1] ")
    assert len(out) / 4 <= 30


def test_tokens_that_no_passage_fits_in_are_named(folder):
    out, _ = run("search", "channels capital", "--in", "c", "--tokens", "3", code=3)
    said, smallest = out.removesuffix(".\n").rsplit(" ", 1)
    assert said == "No passage fits in 3 tokens; the smallest takes"
    assert run("search", "channels capital", "--in", "c", "--tokens", smallest)[0].startswith("[1]")
    fewer = str(int(smallest) - 1)
    assert run("search", "channels", "--in", "c", "--tokens", fewer, code=3)[0].startswith("No")


def test_what_documents_hold_cannot_steer_the_terminal(folder, finder):
    (folder / "docs/evil.html").write_text(
        "<title>Tea &#27;]0;x&#7; house</title><p>Canberra \x1b[31mred\x9b2J tea\x07 \x7f.</p>"
    )
    (folder / "docs/evil.txt").write_text("Canberra \x1b[31mred\x9b2J tea\x07 \x7f house.")
    run("index", "docs", "--into", "c")
    for arguments in (
        ["tea house"], ["search", "tea house"], ["search", "tea house", "--tokens", "500"],
        ["search", "tea house", "--explain"], ["tea house", "--threshold", "1"],
    ):  # fmt: skip
        result = CliRunner().invoke(cli, [*arguments, "--in", "c"], standalone_mode=False)
        assert "tea" in result.stdout
        assert not [c for c in result.output if (c < " " and c != "\n") or "\x7f" <= c < "\xa0"]


def test_control_characters_but_line_breaks_and_tabs_are_dropped():
    assert printable("a\x1b[1m\tb\r\nc\x85\x9b\x00\x7fd é漢\u200b") == "a[1m\tb\ncd é漢\u200b"
    assert one_line(" a\r\nb\x1c\x85 c\x1b ") == "a b c"


@pytest.mark.parametrize(
    ("text", "at", "marked"),
    [
        ("Paris is in Paris.", 12, "Paris is in <Paris>."),
        ("Paris is in Paris.", 0, "<Paris> is in Paris."),
        # A sentence that stands there twice, and one that begins as another does.
        ("In Paris.\nIn Paris.", 13, "In <Paris>."),
        ("Here. So Paris is\n it. So Paris is it.", 26, "So <Paris> is it."),
    ],
)
def test_the_answer_itself_is_marked_and_not_the_same_words_elsewhere(text, at, marked):
    hit = Hit(passage=0, score=1, id="", title="", url="", source="", text=text, start=100,
              end=100 + len(text), place="")  # fmt: skip
    assert text[at : at + 5] == "Paris"
    evidence = Evidence(
        hit=hit, start=100 + at, end=105 + at, text="Paris", place="", reader_score=1, score=1,
        sentence=sentence_around(text, at, at + 5),
    )  # fmt: skip
    shown = answers.marked(evidence).replace("\x1b[1m\x1b[4m", "<").replace("\x1b[0m", ">")
    assert shown == marked


def test_index_again_takes_only_what_changed(folder):
    out, _ = run("index", "docs", "--into", "c")
    assert "0 documents added" in out
    assert "2 files unchanged" in out
    (folder / "docs/b.md").unlink()
    (folder / "docs/a.txt").write_text("Australia's capital is Canberra.")
    out, _ = run("index", "docs", "--into", "c", "--prune", "--json")
    result = json.loads(out)
    assert (result["documents"], result["replaced"], result["removed"]) == (1, 1, 1)
    assert result["collection"]["documents"] == 1


def test_bad_files_are_named_and_the_rest_goes_on(folder):
    (folder / "docs/x.bin").write_bytes(bytes(range(256)) * 10)
    (folder / "docs/empty.txt").touch()
    _, err = run("index", "docs", "--into", "c")
    assert "x.bin: " in err
    assert "empty.txt: is empty" in err
    message, _ = run("index", "docs/x.bin", "--into", "d", code=1)
    assert message == "nothing could be added"


def test_a_path_that_does_not_exist_leaves_nothing_behind(folder):
    message, _ = run("index", "missing", "--into", "e", code=2)
    assert message == "missing does not exist"
    assert not (folder / "e").exists()


def test_too_little_memory_leaves_nothing_behind(folder):
    message, _ = run("index", "docs", "--into", "e", "--memory", "1kb", code=4)
    assert message == "indexing in 1 kB of memory is not possible"
    assert not (folder / "e").exists()


def test_a_collection_keeps_its_recipe(folder):
    message, _ = run("index", "docs", "--into", "c", "--bits", "20", code=2)
    assert "--bits, --title-weight and --segmenter stay" in message
    message, _ = run("index", "docs", "--into", "c", "--segmenter", "segmenter-th", code=2)
    assert "--segmenter stay" in message
    message, _ = run("index", "docs", "--into", "c", "--analyser", "plain", code=1)
    assert "was built with the analyser 'english'" in message


def test_collection_commands(folder):
    out, _ = run("collection", "status", "c", "--sources")
    assert "documents   2" in out
    assert "source      docs/a.txt" in out
    out, _ = run("collection", "remove", "c", "docs/b.md")
    assert out.startswith("1 documents removed")
    run("collection", "compact", "c")
    out, _ = run("collection", "status", "c", "--json")
    assert json.loads(out)["deleted_passages"] == 0
    assert run("collection", "verify", "c")[0] == "every file is as it was written\n"
    message, _ = run("collection", "remove", "c", "docs/b.md", code=2)
    assert "no document or source" in message


def test_collection_commands_as_json(folder):
    assert json.loads(run("collection", "remove", "c", "docs/b.md", "--json")[0]) == {"removed": 1}
    run("index", "docs", "--into", "c")
    sizes = json.loads(run("collection", "compact", "c", "--json")[0])
    assert sizes["before"]["segments"] == 2
    assert sizes["after"]["segments"] == 1
    assert 0 < sizes["after"]["bytes"] < sizes["before"]["bytes"]
    assert json.loads(run("collection", "verify", "c", "--json")[0]) == {"ok": True, "problems": []}


def test_damage_as_json_names_the_files_and_fails(folder, monkeypatch):
    monkeypatch.setattr("frugally.ask.collection.Collection.verify", lambda _: ["x is damaged"])
    result = CliRunner().invoke(cli, ["collection", "verify", "c", "--json"])
    assert json.loads(result.stdout) == {"ok": False, "problems": ["x is damaged"]}
    assert result.exit_code == 1


def test_doctor_tries_the_kernels_that_write_and_survives_any_failure(monkeypatch, finder):
    monkeypatch.setitem(sys.modules, "frugally.ask.index.kernels", None)
    result = CliRunner().invoke(cli, ["doctor", "--json"])
    checks = json.loads(result.stdout)["checks"]
    assert not checks["kernels"]["ok"]
    assert not checks["reader"]["ok"]  # it knows one word, which is not there
    assert result.exit_code == 1


def test_waiting_says_so_on_a_terminal_only_after_a_while(capsys, monkeypatch):
    monkeypatch.setattr("frugally.cli.progress._PATIENCE", 0.01)
    with waiting("merging"):
        time.sleep(0.1)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with waiting("merging"):
        time.sleep(0.3)
    assert capsys.readouterr().err == "merging …\r\033[K"


def test_a_mistyped_command_gets_a_suggestion():
    message, _ = run("serach", "x", code=2)
    assert "did you mean 'search'?" in message


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["-c", "import frugally"]])
def test_help_and_import_load_nothing_heavy(arguments):
    module = ["-c", arguments[1]] if arguments[0] == "-c" else ["-m", "frugally", *arguments]
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *module], capture_output=True, text=True, check=True
    )
    loaded = {line.split("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert not loaded & {"numba", "onnxruntime", "torch", "numpy"}


def test_errors_of_the_process_are_a_line_a_hint_and_a_code(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "frugally", "ask", "x", "--in", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("frugally: ")
    assert "\nhint: make one: frugally index" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["search", "the", "-k", "9"], ["--help"], ["ask", "--help"]])
def test_a_reader_that_has_gone_is_no_error(folder, arguments):
    """As `frugally … | head -1`, whose end of the pipe is closed before anything is written."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "frugally", *arguments],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "FRUGALLY_COLLECTION": "c"},
        )
    finally:
        os.close(write)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_running_out_of_memory_is_an_error_like_others(monkeypatch, capsys):
    def fail(**_):
        raise MemoryError("Unable to allocate 409. TiB")

    monkeypatch.setattr(cli, "main", fail)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith(
        "frugally: there is not enough memory: Unable to allocate 409. TiB\nhint: "
    )


def test_more_memory_may_be_allowed_than_there_is(folder):
    done = subprocess.run(
        [sys.executable, "-m", "frugally", "index", "docs", "--into", "e", "--memory", "900TB"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "2 documents added" in done.stdout


def test_a_segmenter_and_languages(folder):
    lines = ["ฉันกินข้าวที่บ้าน", "Die Katze trinkt die Milch aus der Schale.", "The cat will die."]
    texts = [json.dumps({"id": str(i), "text": text}) for i, text in enumerate(lines)]
    (folder / "thai.jsonl").write_text("\n".join(texts), "utf-8")
    run("index", "thai.jsonl", "--into", "t", "--segmenter", "segmenter-th")
    run("index", "docs", "--into", "t", "--segmenter", "segmenter-th")
    assert "segmenter" in run("collection", "status", "t")[0]
    out, _ = run("collection", "status", "t", "--languages", "--json")
    counted = json.loads(out)["languages"]
    assert counted["th"] == counted["de"] == 1
    out, _ = run("search", "die", "--in", "t", "--language", "deu", "--json")
    assert [(hit["id"], hit["language"]) for hit in json.loads(out)["hits"]] == [("1", "de")]
    out, _ = run("search", "die", "--in", "t", "--language", "th", code=3)
    assert out.startswith("No passage in this language (th)")
    message, _ = run("search", "die", "--in", "t", "--language", "klingon", code=2)
    assert message == "no language 'klingon' is known"
    message, _ = run("index", "docs", "--into", "u", "--segmenter", "nothing", code=1)
    assert message == "there is no net 'nothing'"
    assert not (folder / "u").exists()
