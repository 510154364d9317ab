"""The store as it was at one moment: whatever is asked through one view sees the same epoch."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import sqlalchemy as sa

from ..errors import StoreCorrupt
from .catalog.schema import epoch_table, model_table, store_table
from .columns import Columns
from .index.parts import AnyIndex
from .spec import EmbedderSpec

_newest = sa.select(epoch_table).order_by(epoch_table.c.epoch.desc()).limit(1).subquery()
_HEAD = sa.select(
    store_table.c.uuid, model_table.c.id, model_table.c.spec, _newest.c.epoch, _newest.c.nonce
).select_from(
    store_table.outerjoin(model_table, store_table.c.model_id == model_table.c.id).outerjoin(
        _newest, sa.true()
    )
)


@dataclass(frozen=True, slots=True)
class Model:
    """The embedder of a store. id: its row."""

    id: int
    spec: EmbedderSpec


class View:
    """A transaction of the catalog, valid within its block only; the modules of catalog/ ask through it.

    columns: what is bulky, where it does not lie in the catalog itself.
    """

    def __init__(
        self,
        connection: sa.Connection,
        index_at: "Callable[[View], AnyIndex] | None" = None,
        columns: Columns | None = None,
    ) -> None:
        self.connection = connection
        self.columns = columns
        self._index_at = index_at

    @cached_property
    def _head(self) -> sa.Row[*tuple[Any, ...]]:
        """What the store says of itself: the first read fixes what a transaction sees."""
        row = self.connection.execute(_HEAD).first()
        if row is None:
            raise StoreCorrupt("the store's record of itself is lost; `lookalike repair` makes a new one")
        return row

    @cached_property
    def latest(self) -> tuple[int, str]:
        """The number and nonce (hex) of the newest epoch; (0, "") before the first."""
        return (self._head.epoch, self._head.nonce.hex()) if self._head.epoch else (0, "")

    @property
    def epoch(self) -> int:
        """The number of the last commit that added photos; 0 before the first."""
        return self.latest[0]

    @property
    def identity(self) -> tuple[str, str | None]:
        """The random name that the store was born with, and the record of its embedder; see `spec_from`."""
        return self._head.uuid, self._head.spec

    @property
    def uuid(self) -> str:
        """The random name that the store was born with."""
        return self.identity[0]

    @cached_property
    def model(self) -> Model | None:
        """The embedder of the store; None before the first index run.

        Raises:
            StoreCorrupt: the record of it is damaged.
        """
        return None if self._head.id is None else Model(self._head.id, spec_from(self._head.spec))

    @property
    def known_model(self) -> Model:
        """The embedder of a store in which something was indexed."""
        assert self.model is not None, "something was indexed"
        return self.model

    def has_epoch(self, epoch: int, nonce: str) -> bool:
        """Tell whether the catalog has recorded this epoch with this nonce (hex)."""
        found = self.connection.execute(
            sa.select(epoch_table.c.nonce).where(epoch_table.c.epoch == epoch)
        ).scalar_one_or_none()
        return found is not None and found.hex() == nonce

    def follows(self, epoch: int, nonce: str) -> bool:
        """Tell whether all that was embedded at this epoch is still there: a purge renews every nonce."""
        if epoch > self.epoch:
            return False
        return (epoch, nonce) == self.latest or epoch == 0 or self.has_epoch(epoch, nonce)

    def index(self) -> AnyIndex:
        """Return the vector index at this view's epoch."""
        assert self._index_at is not None, "a view of a store that was opened"
        return self._index_at(self)


@lru_cache(maxsize=8)
def spec_from(text: str) -> EmbedderSpec:
    """Return the embedder that a row of the catalog describes.

    Raises:
        StoreCorrupt: the text is damaged.
    """
    try:
        return EmbedderSpec.from_json(text)
    except (ValueError, TypeError, KeyError) as error:
        raise StoreCorrupt(f"the store's record of its model is damaged: {error}") from error
