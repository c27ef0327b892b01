"""Fitting networks for images: labelled pictures, and the changes that make more of them."""
