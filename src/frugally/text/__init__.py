"""What a string becomes: folded characters, tokens, stems, hashed n-grams."""
