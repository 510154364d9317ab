"""What every JSON document of ours has in common: its version, ASCII, and file names that are bytes."""

import base64
import json
import os
from typing import Any

SCHEMA_VERSION = 1
Row = dict[str, Any]


def dumps(value: Any) -> bytes:
    """Return JSON in ASCII: bytes of names that are no UTF-8 stand as escaped lone surrogates."""
    return json.dumps(value).encode("ascii")


def document(fields: Row) -> bytes:
    """Return one JSON document of one object, with its schema version."""
    return dumps({"schema_version": SCHEMA_VERSION, **fields}) + b"\n"


def path_fields(path: str, name: str = "path") -> Row:
    """Return a path for JSON; `path_b64` carries the exact bytes where they are no UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return {name: path, f"{name}_b64": base64.b64encode(os.fsencode(path)).decode()}
    return {name: path}
