"""Cells: small graphs of operations that are found by search, and networks stacked from them."""
