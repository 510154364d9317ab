"""Telling a lack of memory, which another run may not meet, from what is the matter with a pair."""

_CV_NO_MEMORY = -4  # the code by which OpenCV says so


def is_lack_of_memory(error: Exception) -> bool:
    """Tell whether an error says that there was not enough memory, in Python or in OpenCV."""
    return isinstance(error, MemoryError) or getattr(error, "code", None) == _CV_NO_MEMORY
