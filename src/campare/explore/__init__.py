"""A page on this machine on which an image of one's own is explained by several models."""
