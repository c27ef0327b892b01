"""Distant supervision: training examples for the reader from answers and facts without texts."""
