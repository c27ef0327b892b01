"""Ranking and exact top-k search over the segments of a collection."""
