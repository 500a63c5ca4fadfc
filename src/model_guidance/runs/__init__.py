"""The run folder: its formats, written and read here. Importing this imports no torch."""
