"""Making taggers: encoded treebanks, training, and the search for sizes inside a budget."""

from frugally.fit.tagger.fitting import fit_tagger

__all__ = ["fit_tagger"]
