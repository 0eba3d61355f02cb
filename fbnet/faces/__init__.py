"""Faces: read, crop, render, split, store, augment and batch."""
