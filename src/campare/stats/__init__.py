"""Statistics: differences between arms with intervals, verdicts, and what is said of them."""
