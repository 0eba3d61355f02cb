"""What a block, a layer and a net cost, in MACs and in milliseconds.

`lut` is the look-up table that the search reads; `macs`, `measure` and `kit` fill one, `device_lut`
and `nni_lut` read those of other machines. `latency_model` predicts whole nets by it and compares
that with their `timing`; `pareto` picks the nets that none beats.
"""
