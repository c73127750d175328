"""Statistics: the hierarchical bootstrap, and the comparison of recipes that rests on it."""
