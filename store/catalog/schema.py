"""The tables of catalog.db as they are today; migrations.py brings files of older formats up to date."""

import sqlite3
import struct
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TypeVar

import sqlalchemy as sa
import xxhash
from sqlalchemy.dialects import sqlite

from ...errors import StoreCorrupt, StoreTooNew, StoreTooOld

# "lkal" in ASCII: lets `file` and `doctor` recognize a catalog.
APPLICATION_ID = 0x6C6B616C
# "look": catalogs from before the first release.
FORMER_ID = 0x6C6F6F6B

# Measured: a 2,560-byte vector takes 1.07x of its size at 8 KiB pages and 1.60x at the default 4 KiB.
PAGE_SIZE = 8192

# What this program writes. A change of the tables adds one, and a step to migrations.py.
SCHEMA_VERSION = 4

# SQLite takes 32,766 values in a statement; questions about many keys are asked in pieces.
_KEYS_PER_QUESTION = 10_000

T = TypeVar("T")

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
    # By what the drive is known again, and the name in the marker file where the user wanted one.
    sa.Column("fs_id", sa.Text),
    sa.Column("marker", sa.Text),
    # How many files of which kinds the last scan of the whole root passed over, as JSON.
    sa.Column("unread", sa.Text),
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
    sa.Column("missing_since", sa.Text),
    # The state in which its XMP sidecars were read, and what they say as JSON; NULL where it has none.
    sa.Column("sidecars", sa.Integer),
    sa.Column("said", sa.Text),
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
    # A flipped bit in a vector breaks no rule of SQLite, and would only rank wrongly.
    sa.Column("checksum", sa.Integer, nullable=False),
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

# --- what is known of pairs -----------------------------------------------------------------------

photo_hash_table = sa.Table(
    "photo_hash",
    tables,
    sa.Column("content_id", sa.ForeignKey("content.id"), primary_key=True),
    sa.Column("model_id", sa.ForeignKey("model.id"), primary_key=True),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("quality", sa.Integer, nullable=False),
)

pair_table = sa.Table(
    "pair",
    tables,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("a", sa.ForeignKey("content.id"), nullable=False),
    sa.Column("b", sa.ForeignKey("content.id"), nullable=False),
    sa.Column("cosine", sa.REAL, nullable=False),
    # 0: a candidate that no verifier has seen yet.
    sa.Column("verifier", sa.Integer, nullable=False),
    sa.Column("verdict", sa.Text),
    # Of a copy against another picture, by the numbers of the proof alone, as a natural logarithm.
    sa.Column("log_odds", sa.REAL),
    sa.Column("evidence", sa.Text),
    sa.UniqueConstraint("a", "b"),
    sa.CheckConstraint("a < b"),
    sa.Index("pair_by_verdict", "verdict", "a", "b"),
    sa.Index("pair_by_verifier", "verifier"),
)

look_table = sa.Table(
    "look",
    tables,
    sa.Column("a", sa.ForeignKey("content.id"), primary_key=True),
    sa.Column("b", sa.ForeignKey("content.id"), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("found", sa.Text, nullable=False),
    sa.CheckConstraint("a < b"),
)

decision_table = sa.Table(
    "decision",
    tables,
    sa.Column("a", sa.LargeBinary, primary_key=True),
    sa.Column("b", sa.LargeBinary, primary_key=True),
    sa.Column("kind", sa.Text, sa.CheckConstraint("kind IN ('rejected', 'confirmed')"), nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.CheckConstraint("a < b"),
)

# --- what files hold beside their first picture ------------------------------------------------------

holdings_table = sa.Table(
    "holdings",
    tables,
    sa.Column("content_id", sa.ForeignKey("content.id"), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("found", sa.Text, nullable=False),
)

# --- contents that crashed a decoder ---------------------------------------------------------------

crasher_table = sa.Table(
    "crasher",
    tables,
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)

# --- what was taken in of data sets -----------------------------------------------------------------

folded_table = sa.Table(
    "folded",
    tables,
    sa.Column("data_set", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False),
)

# --- which photos are near each other -------------------------------------------------------------

neighborhood_table = sa.Table(
    "neighborhood",
    tables,
    sa.Column("content_id", sa.ForeignKey("content.id"), primary_key=True),
    sa.Column("model_id", sa.ForeignKey("model.id"), primary_key=True),
    # The photo that stands for it and its proven copies.
    sa.Column("same_as", sa.Integer, nullable=False),
    # 0: which neighbors have the photo among their own is not known yet.
    sa.Column("is_settled", sa.Integer, nullable=False),
    sa.Column("neighbors", sa.LargeBinary, nullable=False),
    sa.Column("scores", sa.LargeBinary, nullable=False),
    sa.Column("checksum", sa.Integer, nullable=False),
    sa.Index("neighborhood_by_state", "is_settled"),
)


# --- labels that the user taught ------------------------------------------------------------------

taught_table = sa.Table(
    "taught",
    tables,
    # As it is compared, and as it was written.
    sa.Column("word", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    # Of the embedder whose vectors it was learned from.
    sa.Column("fingerprint", sa.Text, nullable=False),
    # Digests of contents, one after the other: they outlive a purge, and another model can learn from them.
    sa.Column("positives", sa.LargeBinary, nullable=False),
    sa.Column("negatives", sa.LargeBinary, nullable=False),
    # Their unit vectors in fp16, since an example need not be in the library.
    sa.Column("vectors", sa.LargeBinary, nullable=False),
    # What was learned: fp32 weights of unit vectors and a bias, calibrated.
    sa.Column("weights", sa.LargeBinary, nullable=False),
    sa.Column("bias", sa.REAL, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("checksum", sa.Integer, nullable=False),
)


# --- what photos show where -----------------------------------------------------------------------

local_map_table = sa.Table(
    "local_map",
    tables,
    sa.Column("content_id", sa.ForeignKey("content.id"), primary_key=True),
    sa.Column("model_id", sa.ForeignKey("model.id"), nullable=False),
    # Of projection, rules and spec: maps of different kinds are never compared.
    sa.Column("kind", sa.Integer, nullable=False),
    sa.Column("map_rows", sa.Integer, nullable=False),
    sa.Column("map_columns", sa.Integer, nullable=False),
    sa.Column("cells", sa.LargeBinary, nullable=False),
    sa.Column("checksum", sa.Integer, nullable=False),
)


def embedding_checksum(content_id: int, norm: float, vector: bytes) -> int:
    """Return xxh3-64 over what an embedding row says of a content, as SQLite's signed 64 bits."""
    return signed_checksum(struct.pack("<qd", content_id, norm) + vector)


def signed_checksum(data: bytes) -> int:
    """Return xxh3-64 of data as the signed 64 bits that SQLite keeps."""
    summed = xxhash.xxh3_64_intdigest(data)
    return summed - (1 << 64) if summed >> 63 else summed


def taught_checksum(words: Sequence[str], parts: Sequence[bytes], bias: float) -> int:
    """Return xxh3-64 over what a taught label is, as SQLite's signed 64 bits."""
    pieces = [*(each.encode("utf-8", "surrogatepass") for each in words), *parts, struct.pack("<d", bias)]
    return signed_checksum(b"".join(struct.pack("<q", len(each)) + each for each in pieces))


def pieces(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut keys into runs that fit one SQL statement."""
    for start in range(0, len(keys), _KEYS_PER_QUESTION):
        yield keys[start : start + _KEYS_PER_QUESTION]


def now() -> str:
    """Return the time in UTC as ISO 8601 with seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def create(connection: sa.Connection) -> None:
    """Make all tables in an empty file."""
    for statement in _statements():
        connection.exec_driver_sql(statement)
    connection.execute(sa.insert(store_table).values(id=1, uuid=str(uuid.uuid4()), created_at=now()))
    mark(connection)


@cache
def _statements() -> tuple[str, ...]:
    """Return the SQL of all tables: to make it takes longer than to run it."""
    made: list[str] = []
    dialect = sqlite.dialect()
    engine = sa.create_mock_engine(
        "sqlite://", lambda ddl, *_, **__: made.append(str(ddl.compile(dialect=dialect)))
    )
    tables.create_all(engine, checkfirst=False)
    return tuple(made)


def mark(connection: sa.Connection) -> None:
    """Record that the file is a catalog of SCHEMA_VERSION."""
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")


def version_of(connection: sqlite3.Connection, *, reading: bool = False) -> int:
    """Return the schema version of an open catalog; 0 for an empty file.

    reading: a catalog of another version will do if it has all that is read here; it is not changed.

    Raises:
        StoreTooNew: a newer lookalike wrote it.
        StoreTooOld: it is of a format that cannot be read, or not before it is brought up to date.
        StoreCorrupt: the file is some other program's database.
    """
    version, application = connection.execute(
        "SELECT user_version, application_id FROM pragma_user_version, pragma_application_id"
    ).fetchone()
    if application == FORMER_ID:
        raise StoreTooOld(
            "this store was made before the first release of lookalike and cannot be read; "
            "index your photos again into a new one: `lookalike index FOLDER --store NEW`"
        )
    if application != APPLICATION_ID and (version or application or _has_tables(connection)):
        raise StoreCorrupt(
            f"catalog.db is not a lookalike catalog (application id {application:#x}); "
            "choose another folder for the store"
        )
    if version > SCHEMA_VERSION and not (reading and _has_all(connection)):
        able = "it can still be searched, not changed" if _has_all(connection) else "it cannot be read"
        raise StoreTooNew(
            f"this store has format {version}, this lookalike writes format {SCHEMA_VERSION}: {able}; "
            "update lookalike, or use another store"
        )
    if 0 < version < SCHEMA_VERSION and reading and not _has_all(connection):
        raise StoreTooOld(
            f"this store has format {version}, this lookalike reads format {SCHEMA_VERSION}: "
            "`lookalike index` brings it up to date and keeps a copy"
        )
    return int(version)


def _has_all(connection: sqlite3.Connection) -> bool:
    """Tell whether every table and column of ours is there."""
    for table in tables.sorted_tables:
        rows = connection.execute(f'PRAGMA table_info("{table.name}")')
        if not {row[1] for row in rows}.issuperset(table.columns.keys()):
            return False
    return True


def _has_tables(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def date_of_photo() -> sa.ColumnElement[str]:
    """Return the SQL of a photo's local date: the time it was taken, else the file's modification time."""
    seconds = file_table.c.mtime_ns // 1_000_000_000
    modified = sa.func.strftime("%Y-%m-%dT%H:%M:%S", seconds, "unixepoch", "localtime")
    return sa.func.coalesce(taken_of_file(), modified)


def taken_of_file() -> sa.ColumnElement[str]:
    """Return the SQL of when a file's photo was taken: what it says itself, else the date in its name."""
    return sa.func.coalesce(content_table.c.taken, sa.func.date_in_name(file_table.c.rel))
