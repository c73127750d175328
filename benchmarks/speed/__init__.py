"""The parts of cam_speed.py: what is timed on each backend, how, and how it is shown."""
