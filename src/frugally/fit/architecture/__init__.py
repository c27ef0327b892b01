"""Searching for cells: what can be chosen, who chooses, what a choice is worth, what was tried."""
