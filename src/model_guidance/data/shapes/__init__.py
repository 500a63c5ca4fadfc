"""The drawn data set: figures in a landscape."""
