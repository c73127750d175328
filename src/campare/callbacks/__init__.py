"""Callbacks that watch the quality of maps while a framework trains; `keras.py`, `lightning.py`.

Nothing is imported here: `from campare.callbacks.keras import ExplanationQuality`.
"""
