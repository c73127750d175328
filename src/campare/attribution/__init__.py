"""Class activation maps: from activations and gradients (N, h, w, C) to maps (N, h, w)."""
