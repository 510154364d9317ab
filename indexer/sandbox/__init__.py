"""Decoding in processes that may die of what they decode."""
