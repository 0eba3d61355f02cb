"""What a block, a layer and a net cost: MACs, look-up tables, measuring, prediction."""
