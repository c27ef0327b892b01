"""Making segmenters: encoded treebanks, training, and the search for sizes inside a budget."""

from frugally.fit.segmenter.fitting import fit_segmenter

__all__ = ["fit_segmenter"]
