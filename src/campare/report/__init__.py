"""The report of a run: one self-contained HTML file, its figures and its tables."""

from campare.report.render import render

__all__ = ["render"]
