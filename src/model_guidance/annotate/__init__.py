"""The page on which a person looks at maps, marks images, trains a round and compares (extra `ui`)."""
