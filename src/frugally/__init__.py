"""frugally."""
