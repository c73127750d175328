"""The formats of a report: each writes the answer of a page, then its sections."""
