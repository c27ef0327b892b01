"""What a tagger looks at in a sentence, and the loops that tag it."""
