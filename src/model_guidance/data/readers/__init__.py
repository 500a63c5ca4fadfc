"""One file per format of data; each reads one split as a `Source`."""
