"""The report of a run: one self-contained HTML file, its figures and its tables."""

from campare.report.render import render
from campare.report.section import Section
from campare.report.sections import SECTIONS

__all__ = ["SECTIONS", "Section", "render"]
