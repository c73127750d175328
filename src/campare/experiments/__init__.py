"""Studies and audits: arms and their cells, evaluated on the same inputs, shown while they run."""
