"""Which pairs of photos are worth proving."""
