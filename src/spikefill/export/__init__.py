"""Networks for other tools: `onnx` for runtimes outside Python, `nir` for libraries of spiking networks and chips.

Each of the two is imported by its own name, since each needs packages of its own (``pip install 'spikefill[export]'``).
"""
