"""Code of the served models: MLflow copies a file of these into each model it logs."""
