"""Training of the question-answering reader; its inference is `frugally.nets.reader`."""
