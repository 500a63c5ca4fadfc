"""Training: settings, loop, files of a run. Importing this imports no torch."""
