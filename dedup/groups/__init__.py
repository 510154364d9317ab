"""Groups of copies, and which file of each to keep."""
