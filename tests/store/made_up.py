"""A format to come, and the step that leads to it: there is none yet."""

from collections.abc import Callable

from lookalike.store.catalog import migrations, schema

NEXT = schema.SCHEMA_VERSION + 1
# A catalog of the format before may lack the times of decisions.
STEP = (
    "ALTER TABLE decision RENAME TO decision_before",
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
    "INSERT INTO decision SELECT a, b, kind, '2026-01-01T00:00:00+00:00' FROM decision_before",
    "DROP TABLE decision_before",
)


def use_next_format(patch: Callable[[object, str, object], None] = setattr) -> None:
    """Let this process write the format to come."""
    patch(schema, "SCHEMA_VERSION", NEXT)
    patch(migrations, "STEPS", (*migrations.STEPS, STEP))
