"""Labelled images with ground truth: from a folder, or drawn from a seed."""

from campare.data.decode import Picture
from campare.data.imageset import ImageSet
from campare.data.samples import REGIONS, Images, Sample, Skipped

__all__ = ["REGIONS", "ImageSet", "Images", "Picture", "Sample", "Skipped"]
