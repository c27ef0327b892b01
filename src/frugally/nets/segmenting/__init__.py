"""What a segmenter looks at around a place between two characters, and the loops that decide."""
