"""Small networks: what they are, how they run without torch, and how they are saved."""
