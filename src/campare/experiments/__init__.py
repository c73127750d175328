"""The laboratory: studies of recipes x seeds, made of cells, shown while they run."""
