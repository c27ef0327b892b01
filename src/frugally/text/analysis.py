"""From text to hashed terms: the analyser that follows a recipe."""

from __future__ import annotations

from frugally.text.drqa import DrqaAnalyser
from frugally.text.hashed_analyser import HashedAnalyser, WordSegmenter
from frugally.text.recipe import Recipe
from frugally.text.terms import Analyser


def make_analyser(recipe: Recipe, segmenter: WordSegmenter | None = None) -> Analyser:
    """The analyser that follows a recipe, with the segmenter that it names, if it names one."""
    if recipe.analyser == "drqa":
        return DrqaAnalyser(recipe)
    return HashedAnalyser(recipe, segmenter)
