"""Find the packages: this folder is the package `lookalike`, so that each name begins with it."""

from setuptools import find_packages, setup

SHIPPED = ("bulk", "commands", "dedup", "indexer", "output", "search", "store", "web")

found = find_packages(include=[*SHIPPED, *(f"{name}.*" for name in SHIPPED)])
# script_name: by it setuptools knows which of the modules here is this one, and leaves it out.
setup(script_name="setup.py", packages=["lookalike", *(f"lookalike.{name}" for name in found)])
