"""Run the command line with `python -m lookalike`."""

from .cli import main

main()
