"""Fitting nets that tell which class a text is in."""
