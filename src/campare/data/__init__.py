"""Labelled images with ground truth: from a folder, or drawn from a seed."""

from campare.data.imageset import REGIONS, Images, ImageSet, Sample, Skipped
from campare.data.pictures import Picture

__all__ = ["REGIONS", "ImageSet", "Images", "Picture", "Sample", "Skipped"]
