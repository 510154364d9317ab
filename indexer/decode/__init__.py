"""From the bytes of a file to upright sRGB pixels and what its metadata says."""
