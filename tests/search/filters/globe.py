"""Places on the earth for tests, by vectors in space instead of trigonometry on degrees."""

import math

Place = tuple[float, float]


def kilometers(a: Place, b: Place) -> float:
    """Return the way between two places (latitude, longitude in degrees), by the angle of two vectors."""
    u, v = _vector(a), _vector(b)
    cross = (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
    return 6371.0088 * math.atan2(math.hypot(*cross), sum(x * y for x, y in zip(u, v, strict=True)))


def _vector(place: Place) -> tuple[float, float, float]:
    phi, lam = map(math.radians, place)
    return math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)
