"""The differentiable search: supernet, cost tables, loop, sampling."""
