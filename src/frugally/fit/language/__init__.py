"""Fitting nets that tell which language a text is in."""
