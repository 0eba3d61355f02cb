"""Labelled faces rendered from a CC0 head: `load_head`, `render`, `render_many`."""

from fbnet.faces.synthetic.head import Head, load_head
from fbnet.faces.synthetic.scene import Face, render
from fbnet.faces.synthetic.workers import render_many

__all__ = ["Face", "Head", "load_head", "render", "render_many"]
