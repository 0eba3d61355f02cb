"""A folder that carries a search space to a device, and what comes back from there.

`write` fills the folder, `runner` goes with it as plain files, `outputs` reads what benchmark
programs print, `table` makes a latency table of it.
"""
