"""The index: segments of packed postings on disk, and the manifest that makes them a collection."""
