"""Drawn faces stand for photographs."""

from tests.drawn import make_faces

__all__ = ["make_faces"]
