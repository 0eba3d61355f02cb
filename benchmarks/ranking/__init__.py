"""Is the search's verdict right? Architectures trained alone, against what the search says."""
