"""Conditions on photos, read from text."""
