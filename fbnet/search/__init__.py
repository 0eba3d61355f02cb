"""The differentiable search: supernet, cost in the loss, loop, sampling, fine-tuning."""
