"""Drawn faces for the readers."""

from tests.drawn import drawn, make_faces

__all__ = ["drawn", "make_faces"]
