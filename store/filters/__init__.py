"""Which photos pass: conditions as data, and as SQL."""
