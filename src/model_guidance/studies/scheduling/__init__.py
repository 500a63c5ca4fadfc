"""Running the parts of a study, here or on a cluster."""
