"""Training and measuring the liveness network."""
