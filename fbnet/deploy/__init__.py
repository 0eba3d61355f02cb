"""From a trained net to a device: export, engines, latency."""
