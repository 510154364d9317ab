"""Finding copies and look-alikes within a library."""

# Of `library.copies`: the least cosine of look-alikes, and how many wrong pairs may be expected among all.
DEFAULT_MIN_SCORE = 0.9
DEFAULT_MAX_FALSE = 1.0
