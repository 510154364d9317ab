"""Which files lie in a folder, and which of them changed."""
