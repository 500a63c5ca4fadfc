"""B-cos networks: the published ones, and `bcosify`, which makes one of any convolutional network."""
