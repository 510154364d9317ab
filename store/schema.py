"""The tables of catalog.db and the steps that bring an older file up to date."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa

from ..errors import StoreCorrupt, StoreTooNew

# "look" in ASCII: lets `file` and `doctor` recognize a catalog.
APPLICATION_ID = 0x6C6F6F6B

# Measured: a 2,560-byte vector takes 1.07x of its size at 8 KiB pages and 1.60x at the default 4 KiB.
PAGE_SIZE = 8192

tables = sa.MetaData()

store_table = sa.Table(
    "store",
    tables,
    sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True),
    sa.Column("uuid", sa.Text, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("model_id", sa.ForeignKey("model.id")),
)

model_table = sa.Table(
    "model",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("fingerprint", sa.Text, nullable=False, unique=True),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("dim", sa.Integer, nullable=False),
)

root_table = sa.Table(
    "root",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("path", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("scanned_at", sa.Text),
    sqlite_autoincrement=True,
)

content_table = sa.Table(
    "content",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    sa.Column("format", sa.Text, nullable=False),
    sa.Column("pixel_digest", sa.LargeBinary, nullable=False),
    sa.Column("taken", sa.Text),
    sa.Column("camera", sa.Text),
    sa.Column("lens", sa.Text),
    sa.Column("latitude", sa.REAL),
    sa.Column("longitude", sa.REAL),
    sa.Column("altitude", sa.REAL),
    sa.Column("warning", sa.Text),
    # Ids are never reused (AUTOINCREMENT): an older snapshot may still hold a removed photo's vector.
    sqlite_autoincrement=True,
)

file_table = sa.Table(
    "file",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("root_id", sa.ForeignKey("root.id"), nullable=False),
    sa.Column("rel", sa.LargeBinary, nullable=False),
    sa.Column("dev", sa.Integer, nullable=False),
    sa.Column("ino", sa.Integer, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("mtime_ns", sa.Integer, nullable=False),
    sa.Column("ctime_ns", sa.Integer, nullable=False),
    sa.Column("content_id", sa.ForeignKey("content.id"), index=True),
    sa.Column(
        "state",
        sa.Text,
        sa.CheckConstraint("state IN ('present', 'absent', 'excluded', 'failed')"),
        nullable=False,
    ),
    sa.Column("error", sa.Text),
    sa.Column("message", sa.Text),
    sa.UniqueConstraint("root_id", "rel"),
    sqlite_autoincrement=True,
)

embedding_table = sa.Table(
    "embedding",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model_id", sa.ForeignKey("model.id"), nullable=False),
    sa.Column("content_id", sa.ForeignKey("content.id"), nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    # The unit vector as fp16 and the length it had: their product is the raw pooled feature.
    sa.Column("norm", sa.REAL, nullable=False),
    sa.Column("vector", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("model_id", "content_id"),
    sa.Index("embedding_by_epoch", "model_id", "epoch"),
)

epoch_table = sa.Table(
    "epoch",
    tables,
    sa.Column("epoch", sa.Integer, primary_key=True),
    sa.Column("nonce", sa.LargeBinary, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)


def now() -> str:
    """Return the time in UTC as ISO 8601 with seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _create(connection: sa.Connection) -> None:
    tables.create_all(connection)
    connection.execute(sa.insert(store_table).values(id=1, uuid=str(uuid.uuid4()), created_at=now()))


# Step n brings a catalog from version n to version n + 1; the last one is what this program writes.
STEPS: tuple[Callable[[sa.Connection], None], ...] = (_create,)
SCHEMA_VERSION = len(STEPS)


def version_of(connection: sa.Connection) -> int:
    """Return the schema version of an open catalog; 0 for an empty file.

    Raises:
        StoreTooNew: a newer lookalike wrote it.
        StoreCorrupt: the file is some other program's database.
    """
    version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    application = int(connection.exec_driver_sql("PRAGMA application_id").scalar_one())
    if application != APPLICATION_ID and (version or application or _has_tables(connection)):
        raise StoreCorrupt(
            f"catalog.db is not a lookalike catalog (application id {application:#x}); "
            "choose another folder with --store"
        )
    if version > SCHEMA_VERSION:
        raise StoreTooNew(
            f"this store has format {version}, this lookalike reads up to {SCHEMA_VERSION}; "
            "update lookalike, or use another --store"
        )
    return version


def _has_tables(connection: sa.Connection) -> bool:
    return bool(connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one())


def migrate(connection: sa.Connection) -> None:
    """Bring the catalog to SCHEMA_VERSION; the steps and their record commit together."""
    for step in STEPS[version_of(connection) :]:
        step(connection)
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
