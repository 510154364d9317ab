"""Finding copies and look-alikes within a library."""
