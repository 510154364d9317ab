"""Which drive a folder lies on, and whether it is still there."""
