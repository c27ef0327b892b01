"""Measured learning curves, and the study that made one of them."""
