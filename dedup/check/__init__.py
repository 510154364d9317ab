"""Whether files are in the library already."""
