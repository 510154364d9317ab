"""The steps that bring an older catalog up to date.

A step is frozen once it was published: it says in plain SQL what changed at its time, whatever the tables
look like today. A new catalog takes no steps.
"""

import sqlite3
from typing import cast

import sqlalchemy as sa

from ...errors import StoreUnwritable
from ..files import replaced
from . import schema
from .database import back_up

_PAIRS = (
    """
    CREATE TABLE look (
        content_id INTEGER NOT NULL,
        model_id INTEGER NOT NULL,
        neighbors BLOB NOT NULL,
        scores BLOB NOT NULL,
        hash BLOB NOT NULL,
        quality INTEGER NOT NULL,
        PRIMARY KEY (content_id, model_id),
        FOREIGN KEY(content_id) REFERENCES content (id),
        FOREIGN KEY(model_id) REFERENCES model (id)
    )
    """,
    """
    CREATE TABLE pair (
        id INTEGER NOT NULL,
        a INTEGER NOT NULL,
        b INTEGER NOT NULL,
        cosine REAL NOT NULL,
        verifier INTEGER NOT NULL,
        verdict TEXT,
        evidence TEXT,
        PRIMARY KEY (id),
        UNIQUE (a, b),
        CHECK (a < b),
        FOREIGN KEY(a) REFERENCES content (id),
        FOREIGN KEY(b) REFERENCES content (id)
    )
    """,
    "CREATE INDEX pair_by_verdict ON pair (verdict, a, b)",
    "CREATE INDEX pair_by_verifier ON pair (verifier)",
    """
    CREATE TABLE decision (
        a BLOB NOT NULL,
        b BLOB NOT NULL,
        kind TEXT NOT NULL CHECK (kind IN ('rejected', 'confirmed')),
        at TEXT NOT NULL,
        PRIMARY KEY (a, b),
        CHECK (a < b)
    )
    """,
)

# The odds of a pair in a column of their own: they are asked for of all pairs at once. What older verifiers
# found has none; those pairs are proved anew.
_ODDS = (
    "ALTER TABLE pair RENAME TO pair_without_odds",
    """
    CREATE TABLE pair (
        id INTEGER NOT NULL,
        a INTEGER NOT NULL,
        b INTEGER NOT NULL,
        cosine REAL NOT NULL,
        verifier INTEGER NOT NULL,
        verdict TEXT,
        log_odds REAL,
        evidence TEXT,
        PRIMARY KEY (id),
        UNIQUE (a, b),
        CHECK (a < b),
        FOREIGN KEY(a) REFERENCES content (id),
        FOREIGN KEY(b) REFERENCES content (id)
    )
    """,
    """
    INSERT INTO pair (id, a, b, cosine, verifier) SELECT id, a, b, cosine, 0 FROM pair_without_odds
    """,
    "DROP TABLE pair_without_odds",
    "CREATE INDEX pair_by_verdict ON pair (verdict, a, b)",
    "CREATE INDEX pair_by_verifier ON pair (verifier)",
)

# By what a drive is known again, since when a file is missing, and which contents ended a decoder.
_CARE = (
    "ALTER TABLE root ADD COLUMN fs_id TEXT",
    "ALTER TABLE root ADD COLUMN marker TEXT",
    "ALTER TABLE file ADD COLUMN missing_since TEXT",
    """
    CREATE TABLE poison (
        digest BLOB NOT NULL,
        code TEXT NOT NULL,
        message TEXT NOT NULL,
        tries INTEGER NOT NULL,
        at TEXT NOT NULL,
        PRIMARY KEY (digest)
    )
    """,
)

# By which damage to an embedding is noticed; the function is `schema.embedding_checksum`.
_CHECKSUMS = (
    "ALTER TABLE embedding ADD COLUMN checksum INTEGER",
    "UPDATE embedding SET checksum = embedding_checksum(content_id, norm, vector)",
)

# Which photos are near each other; the next index run fills it in, without reading a photo.
_NEIGHBORHOODS = (
    """
    CREATE TABLE neighborhood (
        content_id INTEGER NOT NULL,
        model_id INTEGER NOT NULL,
        same_as INTEGER NOT NULL,
        is_settled INTEGER NOT NULL,
        neighbors BLOB NOT NULL,
        scores BLOB NOT NULL,
        checksum INTEGER NOT NULL,
        PRIMARY KEY (content_id, model_id),
        FOREIGN KEY(content_id) REFERENCES content (id),
        FOREIGN KEY(model_id) REFERENCES model (id)
    )
    """,
    "CREATE INDEX neighborhood_by_state ON neighborhood (is_settled)",
)

# Labels that the user taught.
_TAUGHT = (
    """
    CREATE TABLE taught (
        word TEXT NOT NULL,
        name TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        positives BLOB NOT NULL,
        negatives BLOB NOT NULL,
        vectors BLOB NOT NULL,
        weights BLOB NOT NULL,
        bias REAL NOT NULL,
        at TEXT NOT NULL,
        checksum INTEGER NOT NULL,
        PRIMARY KEY (word)
    )
    """,
)

# What photos show where, so that a part of one can be found; older photos get theirs on request.
_REGIONS = (
    """
    CREATE TABLE local_map (
        content_id INTEGER NOT NULL,
        model_id INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        map_rows INTEGER NOT NULL,
        map_columns INTEGER NOT NULL,
        cells BLOB NOT NULL,
        checksum INTEGER NOT NULL,
        PRIMARY KEY (content_id),
        FOREIGN KEY(content_id) REFERENCES content (id),
        FOREIGN KEY(model_id) REFERENCES model (id)
    )
    """,
)

# Step n - 1 brings a catalog from version n to version n + 1.
STEPS: tuple[tuple[str, ...], ...] = (
    _PAIRS,
    _ODDS,
    _CARE,
    _CHECKSUMS,
    (*_NEIGHBORHOODS, *_TAUGHT, *_REGIONS),
)


def migrate(connection: sa.Connection) -> None:
    """Bring the catalog to SCHEMA_VERSION; the steps and their record commit together."""
    version = schema.version_of(connection)
    if version == 0:
        schema.create(connection)
        return
    driver = cast("sqlite3.Connection", connection.connection.driver_connection)
    driver.create_function("embedding_checksum", 3, schema.embedding_checksum)
    for step in STEPS[version - 1 :]:
        for statement in step:
            connection.exec_driver_sql(statement)
    schema.mark(connection)


def keep_copy(catalog: str, version: int) -> None:
    """Copy a catalog of an older version beside it before it is changed: CATALOG.v1.bak.

    Raises:
        StoreUnwritable: there is no room for it.
    """
    if not 0 < version < schema.SCHEMA_VERSION:
        return
    try:
        with replaced(f"{catalog}.v{version}.bak") as temporary:
            back_up(catalog, temporary)
    except OSError as error:
        raise StoreUnwritable(
            f"cannot copy {catalog} before its format is brought up to date: {error.strerror}; "
            "nothing was changed; free some space"
        ) from error
