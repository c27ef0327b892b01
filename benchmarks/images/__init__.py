"""Benchmarks of networks for images, one module a table."""
