"""The networks: candidate blocks, the landmark net, the pose net, NNI's checkpoints."""
