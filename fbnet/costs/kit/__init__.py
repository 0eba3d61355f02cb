"""A folder that carries a search space to a device, and the table that comes back from there.

`contents` lists a kit's models, `write` fills the folder, `runner` goes with it as plain files,
`results` turns what was measured into a latency table.
"""
