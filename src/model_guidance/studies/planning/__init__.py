"""Which runs a study needs, and what they cost."""
