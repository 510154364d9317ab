"""Libraries beyond one machine: units of work, data sets, and what lies in object stores.

With this package loaded, photos in object stores can be read; what reads them loads with the first of them.
"""

from ..indexer.decode.read import read_urls_by
from ..store.records import FileStat
from .extras import needing


def _read_url(path: bytes, rel: bytes, is_patient: bool) -> tuple[bytes, FileStat]:
    with needing():
        from .objects import read_original
    return read_original(path, rel, is_patient)


read_urls_by(_read_url)
