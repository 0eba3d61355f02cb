"""The pipeline's stages: one module each, started by DVC as `python -m stages.NAME`."""
