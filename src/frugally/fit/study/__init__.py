"""Trainers for studies of data against capacity: languages, tags, images."""
