"""One module per table in docs/benchmarks.md."""
