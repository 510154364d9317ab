"""Searching for a part of a picture."""
