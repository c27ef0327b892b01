"""The language identifier: what ships, what it makes of bad input, and why it says what it says."""

import json
import shutil

import numpy as np
import pytest

from frugally.cost import metered
from frugally.errors import NetError
from frugally.nets.card import CARD, NETWORK
from frugally.nets.language import SHIPPED, Guess, LanguageIdentifier, shipped_identifier

# From the Universal Declaration of Human Rights, article 1, and daily speech.
SENTENCES = {
    "en": "All human beings are born free and equal in dignity and rights.",
    "da": "Alle mennesker er født frie og lige i værdighed og rettigheder.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "fi": "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "el": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια.",
    "ru": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "uk": "Всі люди народжуються вільними і рівними у своїй гідності та правах.",
    "zh": "人人生而自由，在尊严和权利上一律平等。",
    "ja": "すべての人間は、生まれながらにして自由である。",
    "ko": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "th": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกัน",
    "sw": "Watu wote wamezaliwa huru, hadhi na haki zao ni sawa.",
    "vi": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm.",
}


@pytest.fixture(scope="module")
def identifier():
    return shipped_identifier()


def test_the_shipped_net_knows_the_languages_people_meet(identifier):
    found = identifier.identify(SENTENCES.values())
    assert [guess.code for guess in found] == list(SENTENCES)
    assert all(0.5 < guess.probability <= 1 for guess in found)
    assert len(identifier.labels) > 400


def test_the_shipped_folder_is_inside_the_budget_on_its_card(identifier):
    size = sum(path.stat().st_size for path in SHIPPED.iterdir())
    assert size <= identifier.card["budget"]["size"] == 1_000_000
    assert set(identifier.card["scores"]["f1"]) == set(identifier.labels)


def test_one_by_one_and_together_agree_to_the_last_bit(identifier):
    texts = [*SENTENCES.values(), "", "ok", "x" * 5000, "日本 and Ελλάδα"]
    together = identifier.probabilities(texts)
    for text, shares in zip(texts, together, strict=True):
        assert identifier.probabilities([text])[0].tolist() == shares.tolist()
    assert identifier.identify(texts * 40) == identifier.identify(texts) * 40
    assert [identifier.identify([text])[0] for text in texts] == identifier.identify(texts)


@pytest.mark.parametrize("text", ["", " ", "🦊", "12:30", "…!?", "\x00", b"\xff\xfe", "\ud800"])
def test_a_text_without_letters_is_in_no_language(identifier, text):
    assert identifier.identify([text], threshold=0.0) == [Guess("", 0.0)]
    explained = identifier.explain(text)
    assert explained.guess == Guess("", 0.0)
    assert explained.contributions == ()


def test_no_text_at_all(identifier):
    assert identifier.identify([]) == []
    assert identifier.probabilities([]).shape == (0, len(identifier.labels))


def test_below_the_threshold_it_does_not_say(identifier):
    guess = identifier.identify([SENTENCES["da"]], threshold=0.0)[0]
    assert identifier.identify([SENTENCES["da"]], threshold=1.1) == [Guess("", guess.probability)]
    assert 0 < identifier.threshold < 1


def test_bytes_and_text_are_the_same_and_invalid_ones_part_words(identifier):
    text = SENTENCES["fr"]
    assert identifier.identify([text.encode()]) == identifier.identify([text])
    broken = text.encode().replace(b" ", b"\xff")
    assert identifier.identify([broken]) == identifier.identify([text])


def test_ten_megabytes_in_one_line(identifier):
    line = (SENTENCES["fi"] + " ") * (10_000_000 // 82)
    with metered() as cost:
        assert identifier.identify([line])[0].code == "fi"
    assert cost.bytes_read == len(line.encode())
    assert cost.flops == identifier.flops(cost.bytes_read)


def test_a_text_in_two_scripts_is_in_one_of_its_languages(identifier):
    guess = identifier.identify([SENTENCES["ru"] + SENTENCES["en"]], threshold=0.0)[0]
    assert guess.code in ("ru", "en")


def test_case_and_digits_do_not_matter(identifier):
    assert identifier.identify([SENTENCES["de"].upper()]) == identifier.identify(
        [SENTENCES["de"] + " 123"]
    )


@pytest.mark.parametrize("text", ["Dette er en test", "a", *SENTENCES.values()])
def test_an_explanation_adds_up_to_the_score(identifier, text):
    explained = identifier.explain(text)
    logits, _ = identifier._logits([text.encode()])
    assert explained.score == pytest.approx(float(logits[0].max() - logits[0].mean()), abs=1e-3)
    total = sum(part.weight for part in explained.contributions) + explained.rest
    assert total == pytest.approx(explained.score)
    assert explained.guess == Guess(
        identifier.labels[int(logits.argmax())],
        pytest.approx(identifier.identify([text], threshold=0)[0].probability, abs=1e-5),
    )
    assert explained.runner_up.probability <= explained.guess.probability
    weights = [part.weight for part in explained.contributions]
    assert weights == sorted(weights, reverse=True)


def test_an_explanation_counts_the_ngrams_of_the_text(identifier):
    counts = {part.ngram: part.count for part in identifier.explain("test test").contributions}
    assert counts["^tes"] == 2
    assert counts["t"] == 4
    assert counts["^"] == counts["$"] == 2


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(SHIPPED, tmp_path / "net")
    return tmp_path / "net"


def change(folder, **entries):
    card = json.loads((folder / CARD).read_text("utf-8"))
    (folder / CARD).write_text(json.dumps({**card, **entries}), "utf-8")


def test_a_copy_says_the_same(identifier, copy):
    other = LanguageIdentifier.load(copy)
    np.testing.assert_array_equal(
        other.probabilities(["Dette er en test"]), identifier.probabilities(["Dette er en test"])
    )


def test_a_truncated_net_is_refused(copy):
    whole = (copy / NETWORK).read_bytes()
    (copy / NETWORK).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(NetError, match="its card says"):
        LanguageIdentifier.load(copy)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"format": 99}, "format 99"),
        ({"task": "tagger"}, "for tagger, not for language"),
        ({"features": {"kind": "words"}}, "this frugally makes"),
        ({"labels": ["da"]}, "of another"),
        ({"labels": None}, "says too little"),
        ({"threshold": "often"}, "says too little"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(copy, entries, message):
    change(copy, **entries)
    with pytest.raises(NetError, match=message):
        LanguageIdentifier.load(copy)
