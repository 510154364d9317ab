"""Shipped weights and the checked loader for the rest."""
