"""Checking, repairing, backing up and shrinking a store."""
