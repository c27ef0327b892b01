"""Benchmarks of the architecture search: `python -m benchmarks.architecture`."""
