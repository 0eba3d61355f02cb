"""Training: batches, losses, the step over shards, and the trainer of search and retraining."""
