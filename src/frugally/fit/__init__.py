"""How nets are made inside a budget; the only place where torch is imported."""
