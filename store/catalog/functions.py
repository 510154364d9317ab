"""What SQLite cannot say by itself, as functions of a connection for reading."""

import math
import os
import sqlite3

from ..names import composed_bytes, date_in_name

EARTH_KM = 6371.0088  # the mean radius


def add_functions(connection: sqlite3.Connection) -> None:
    """Let the questions of a connection use what is defined here, and names."""
    connection.create_function("folded", 1, folded, deterministic=True)
    connection.create_function("name_of", 1, name_of, deterministic=True)
    connection.create_function("composed", 1, composed_bytes, deterministic=True)
    connection.create_function("date_in_name", 1, date_in_name, deterministic=True)
    connection.create_function("kilometers", 4, kilometers, deterministic=True)


def folded(value: str | bytes | None) -> bytes | None:
    """Return text, or a file's name, without its case and with its accents spelled in one way."""
    import unicodedata  # few ask for more than ASCII, which SQLite folds itself

    if value is None:
        return None
    text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return text.encode("utf-8", "surrogateescape")


def name_of(rel: bytes) -> bytes:
    """Return the last part of a path."""
    return os.path.basename(rel)


def kilometers(latitude: float, longitude: float, to_latitude: float, to_longitude: float) -> float:
    """Return the way along the great circle between two places, given in degrees (haversine)."""
    phi, to_phi = math.radians(latitude), math.radians(to_latitude)
    half_phi, half_lambda = (to_phi - phi) / 2, math.radians(to_longitude - longitude) / 2
    square = math.sin(half_phi) ** 2 + math.cos(phi) * math.cos(to_phi) * math.sin(half_lambda) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, square)))
