"""Do maps follow the image? Maps of changed images against the changed maps."""
