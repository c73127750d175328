"""A run in an experiment tracker: MLflow, TensorBoard or Weights & Biases."""
