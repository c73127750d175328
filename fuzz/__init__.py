"""Fuzzing of every reader of campare: `make fuzz`, see SECURITY.md."""
