"""Word clusters from running text; their lookup is `frugally.nets.clusters`."""
