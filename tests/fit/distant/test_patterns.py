"""Answers as regular expressions: what they match, and that none can hang."""

import json
import signal
import subprocess
import sys
import threading

import pytest

from frugally.fit.distant import pattern_process
from frugally.fit.distant.patterns import PatternError, PatternMatcher


@pytest.fixture(scope="module")
def matcher():
    with PatternMatcher(2.0) as matcher:
        yield matcher


def test_distinct_matches_in_any_case(matcher):
    found = matcher.found(r"Lao\s*-?\s*T[zs][ue]|Laozi", ["lao tzu, Lao Tzu and lao tzu", "", "x"])
    assert found == [["lao tzu", "Lao Tzu"], [], []]


def test_the_whole_match_counts_whatever_its_groups(matcher):
    assert matcher.found(r"Sept?(ember)?|Feb", ["in September"]) == [["September"]]


@pytest.mark.parametrize("pattern", ["", "x*", r"\s+", r"[.,]+", "^"])
def test_matches_of_nothing_are_none(matcher, pattern):
    assert matcher.found(pattern, ["a, b. c"]) == [[]]


def test_the_score_is_a_match_at_the_beginning(matcher):
    """DrQA's regex_match_score: `match`, not `search` and not `fullmatch`."""
    assert matcher.matches("1951|1953|May 12", "1953, in spring")
    assert matcher.matches("paris", "Paris")
    assert not matcher.matches("1951|1953", "in 1953")


@pytest.mark.parametrize("pattern", ["(", "*", "a{2,1}", "(?P<x>a)(?P<x>b)", "[z-a]", "\\"])
def test_what_is_no_expression(matcher, pattern):
    with pytest.raises(PatternError, match="not a regular one"):
        matcher.found(pattern, ["a"])
    assert matcher.found("a", ["a"]) == [["a"]]


def test_an_exploding_expression_is_given_up():
    hopeless = "a" * 40 + "!"
    with PatternMatcher(0.3) as matcher:
        assert matcher.found("a", ["a"]) == [["a"]]
        child = matcher._child
        with pytest.raises(PatternError, match="takes too long"):
            matcher.found("(a+)+$", [hopeless])
        assert child.poll() is not None
        with pytest.raises(PatternError, match="takes too long"):
            matcher.matches("(a|a)*$", hopeless)
        assert matcher.found("b", ["b"]) == [["b"]]
    assert matcher._child is None


def test_it_works_in_any_thread(matcher):
    found = []
    thread = threading.Thread(target=lambda: found.append(matcher.found("a+", ["caat"])))
    thread.start()
    thread.join()
    assert found == [[["aa"]]]


def test_a_child_that_dies_is_replaced():
    with PatternMatcher() as matcher:
        matcher.found("a", ["a"])
        matcher._child.kill()
        matcher._child.wait()
        with pytest.raises(PatternError):
            matcher.found("a", ["a"])
        assert matcher.found("a", ["a"]) == [["a"]]


def test_it_needs_no_main_module(tmp_path):
    """A script from standard input has no file that a spawned process could import."""
    script = (
        "from frugally.fit.distant.patterns import PatternMatcher\n"
        "with PatternMatcher(5.0) as matcher: print(matcher.found('a', ['a']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-"], input=script, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[['a']]\n"


def test_the_child_ends_itself_when_nobody_is_left():
    child = subprocess.Popen(
        [sys.executable, pattern_process.__file__], stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, encoding="ascii",
    )  # fmt: skip
    child.communicate(json.dumps(["(a+)+$", ["a" * 60 + "!"], False, 0.1]) + "\n", timeout=30)
    assert child.returncode == -signal.SIGALRM


def test_texts_of_any_characters(matcher):
    assert matcher.found("[^x]+", ["é\ud800\n\u2028𝄞x"]) == [["é\ud800\n\u2028𝄞"]]
