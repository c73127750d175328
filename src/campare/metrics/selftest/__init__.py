"""Metrics on a scene whose truth is known, with a network that reads it."""
