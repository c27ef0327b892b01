"""Codes of languages: one form for those of every data set."""

import pytest

from frugally.text.languages import language_code


@pytest.mark.parametrize(
    ("given", "ours"),
    [
        ("da", "da"),
        ("dan", "da"),
        ("dan_Latn", "da"),
        ("pt-BR", "pt"),
        ("POR", "pt"),
        ("eng-GB", "en"),
        ("zho_Hant", "zh"),
        ("cmn", "zh"),
        ("zho-TW", "zh"),
        ("yue_Hant", "yue"),
        ("aze-Latn", "az"),
        ("azj_Latn", "az"),
        ("azb_Arab", "azb"),
        ("srp-Cyrl", "sr"),
        ("srp-Latn", "sr"),
        ("hrv", "hr"),
        ("bos_Latn", "bs"),
        ("nob", "nb"),
        ("nno", "nn"),
        ("ind", "id"),
        ("zsm", "ms"),
        ("mey", "ar"),
        ("arz_Arab", "ar"),
        ("prs", "fa"),
        ("pes", "fa"),
        ("fil", "tl"),
        ("gaz", "om"),
        ("ekk", "et"),
        ("lvs", "lv"),
        ("khk", "mn"),
        ("als_Latn", "sq"),
        ("gsw-BE", "gsw"),
        ("ceb", "ceb"),
        ("kzj", "dtp"),
        (" deu\n", "de"),
    ],
)
def test_codes_of_data_sets_become_ours(given, ours):
    assert language_code(given) == ours


@pytest.mark.parametrize("given", ["", "und", "mul", "x", "xx", "english", "12", "q1-x", "-"])
def test_what_names_no_language_has_no_code(given):
    assert language_code(given) is None


def test_our_codes_stay_themselves():
    for code in ("en", "sr", "zh", "gsw", "dtp", "tl"):
        assert language_code(code) == code


def test_no_two_letter_code_means_two_languages():
    from frugally.text.languages import _TWO_LETTERS

    codes = _TWO_LETTERS.replace("|", " ").split()
    assert len(codes) == len(set(codes))
    assert len([code for code in codes if len(code) == 2]) > 175  # ISO 639-1 has 183
