"""Find the passages that matter in a collection and answer from them."""
