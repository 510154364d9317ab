"""The command line of a benchmark."""

import argparse


def parser_for(description: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help is the script's own docstring, laid out as it is."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
