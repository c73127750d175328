"""One thin tap for each framework, behind one protocol."""
