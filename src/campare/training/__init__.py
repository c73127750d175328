"""Recipes, backbones and training: from images to a classifier."""
