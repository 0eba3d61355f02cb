"""The networks: candidate blocks, the landmark net, the pose net, the seed's checkpoints."""
