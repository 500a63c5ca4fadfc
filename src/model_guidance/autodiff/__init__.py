"""Going back through any network by ordinary operations, so that maps can be trained through."""
