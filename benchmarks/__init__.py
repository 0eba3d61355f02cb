"""Comparisons that the docs quote, each with one command."""
