"""Readers other than the one that ships: opened by what the user wrote."""
