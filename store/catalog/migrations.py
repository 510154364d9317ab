"""The steps that bring a catalog of an older format up to date.

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

# Step n - 1 brings a catalog from version n to version n + 1.
STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE look (a INTEGER NOT NULL, b INTEGER NOT NULL, version INTEGER NOT NULL,"
        " found TEXT NOT NULL, PRIMARY KEY (a, b), CHECK (a < b), FOREIGN KEY(a) REFERENCES content (id),"
        " FOREIGN KEY(b) REFERENCES content (id))",
        "CREATE TABLE holdings (content_id INTEGER NOT NULL, version INTEGER NOT NULL, found TEXT NOT NULL,"
        " PRIMARY KEY (content_id), FOREIGN KEY(content_id) REFERENCES content (id))",
        "ALTER TABLE root ADD COLUMN unread TEXT",
    ),
    (
        "CREATE TABLE folded (data_set TEXT NOT NULL, name TEXT NOT NULL, digest BLOB NOT NULL,"
        " PRIMARY KEY (data_set, name))",
    ),
    (
        "ALTER TABLE file ADD COLUMN sidecars INTEGER",
        "ALTER TABLE file ADD COLUMN said TEXT",
    ),
)


def migrate(connection: sa.Connection) -> None:
    """Bring the catalog to SCHEMA_VERSION; the steps and their record commit together."""
    version = schema.version_of(cast("sqlite3.Connection", connection.connection.driver_connection))
    if version == 0:
        schema.create(connection)
        return
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
        with replaced(f"{catalog}.v{version}.bak") as copy:
            back_up(catalog, copy.name)
    except OSError as error:
        raise StoreUnwritable(
            f"cannot copy {catalog} before its format is brought up to date: {error.strerror}; "
            "nothing was changed; free some space"
        ) from error
