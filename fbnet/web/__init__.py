"""Pages for a browser: a demo of the landmark model, and the latency table of the device.

`site` writes the folder, `runtime` brings the engine into it, `serve` shows it, `measured` makes a
table of what a page sends back. What runs in the browser lies in `files/`: plain modules, no build.
"""
