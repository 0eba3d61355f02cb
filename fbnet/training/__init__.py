"""Losses, metrics, the one training step, checkpoints."""
