"""Labelled faces rendered from a CC0 head: `load_head`, `render`, `render_many`."""

from fbnet.faces.synthetic.head import HEAD_FILE, Head, load_head
from fbnet.faces.synthetic.scene import Face, render, render_many

__all__ = ["HEAD_FILE", "Face", "Head", "load_head", "render", "render_many"]
