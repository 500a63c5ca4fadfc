"""The resized copy of a split on disk."""
