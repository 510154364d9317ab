"""Libraries beyond one machine: units of work, data sets, and what lies in object stores.

With this package loaded, object stores can be read and written to; what does so loads with the first.
"""

from ..indexer.decode.read import read_urls_by
from ..store.records import FileStat
from .extras import needing
from .place import Place, far_places_by


def _place_of(url: str) -> Place:
    with needing():
        from .objects import place_of
    return place_of(url)


def _read_url(path: bytes, rel: bytes, is_patient: bool) -> tuple[bytes, FileStat]:
    with needing():
        from .objects import read_original
    return read_original(path, rel, is_patient)


far_places_by(_place_of)
read_urls_by(_read_url)
