"""Reading a catalog of an older version as if it were one of today, without changing it.

What is missing stands in the connection's own temporary schema, which SQLite looks into first: an empty
table for one that was not there yet, a view with NULL for a column that was not.
"""

import sqlite3

from . import schema

# What older verifiers found has no odds; those pairs count as not proved yet, as after the upgrade.
_UNKNOWN = {
    ("pair", "log_odds"): {"verifier": "0", "verdict": "NULL", "evidence": "NULL"},
}


def overlay(connection: sqlite3.Connection) -> None:
    """Make an older catalog answer the questions of today on this connection."""
    if not _is_older(connection):
        return
    for table in schema.tables.sorted_tables:
        there = columns_of(connection, table.name)
        wanted = [column.name for column in table.columns]
        if not there:
            connection.execute(f'CREATE TEMP TABLE "{table.name}" ({", ".join(wanted)})')
        elif not there.issuperset(wanted):
            connection.execute(_view(table.name, wanted, there))


def _is_older(connection: sqlite3.Connection) -> bool:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return bool(application == schema.APPLICATION_ID and 0 < version < schema.SCHEMA_VERSION)


def columns_of(connection: sqlite3.Connection, table: str) -> set[str]:
    """Return the names of a table's columns; none when there is no such table."""
    return {row[1] for row in connection.execute(f'PRAGMA main.table_info("{table}")')}


def _view(table: str, wanted: list[str], there: set[str]) -> str:
    said = {name: name if name in there else "NULL" for name in wanted}
    for name in wanted:
        if name not in there:
            said |= _UNKNOWN.get((table, name), {})
    columns = ", ".join(f"{what} AS {name}" for name, what in said.items())
    return f'CREATE TEMP VIEW "{table}" AS SELECT {columns} FROM main."{table}"'
