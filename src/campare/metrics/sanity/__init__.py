"""Do maps depend on the model and on the class? Randomized weights, other logits."""
