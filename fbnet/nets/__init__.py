"""The networks: PFLD and its candidate blocks, public baselines, NNI's checkpoints."""
