"""Keep Pillow and libtiff from telling the terminal what is odd about a file."""

import ctypes
import logging
import warnings
from functools import cache
from pathlib import Path

import PIL


@cache
def quiet_pillow() -> None:
    """Silence Pillow's warnings and log: odd EXIF is no news to whoever indexes 100,000 photos."""
    # Not `warnings.catch_warnings`: it is not safe when several threads decode.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    # Errors that no handler takes would be printed by Python's handler of last resort.
    logging.getLogger("PIL").addHandler(logging.NullHandler())


@cache
def quiet_libtiff() -> None:
    """Silence libtiff, which prints from C, where Pillow's wheel brings it as a library.

    Elsewhere (a Pillow built by hand, Windows) damaged TIFFs keep printing a line each.
    """
    folder = Path(PIL.__file__).parent
    bundled = [
        *(folder.parent / "pillow.libs").glob("libtiff*.so*"),
        *(folder / ".dylibs").glob("libtiff*.dylib"),
    ]
    for library in bundled:
        try:
            libtiff = ctypes.CDLL(str(library))
            for setter in (libtiff.TIFFSetErrorHandler, libtiff.TIFFSetWarningHandler):
                setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
                setter(None)
        except (OSError, AttributeError):
            continue
