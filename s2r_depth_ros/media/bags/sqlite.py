"""SQLite files of rosbag2 (.db3), of all its versions."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import quote

from s2r_depth_ros.media.bags.storage import RawMessage, StorageError, StoredTopic, ros_2_type

MAGIC = b'SQLite format 3\0'
# A journal that begins so holds what a transaction has changed and not finished.
_JOURNAL = b'\xd9\xd5\x05\xf9\x20\xa1\x63\xd7'
_HALF_WRITTEN = (
    'its -journal file says that it is still being recorded, or that the recorder was killed while '
    'it wrote; then `sqlite3 FILE "SELECT count(*) FROM topics"` puts it in order'
)
_DAMAGED = 'it is damaged ({}); `sqlite3 FILE .recover` may save more of it'


class SqliteFile:
    """A SQLite file as a Storage; what the recorder had not merged yet (-wal) is read, too."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises StorageError."""
        self.damage: list[str] = []
        if _is_half_written(Path(f'{path}-journal')):
            raise StorageError(_HALF_WRITTEN)
        log = Path(f'{path}-wal')
        # An immutable file is read without locks, also from a folder that may not be written to.
        how = 'mode=ro' if log.is_file() and log.stat().st_size else 'immutable=1'
        try:
            self._database = sqlite3.connect(f'file:{quote(str(path.absolute()))}?{how}', uri=True)
            self.channels = self._read_channels()
        except sqlite3.OperationalError as error:
            raise StorageError(_why(str(error))) from error
        except (sqlite3.Error, UnicodeError) as error:
            raise StorageError(_DAMAGED.format(error)) from error

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def messages(self, ids: Collection[int]) -> Iterator[RawMessage]:
        """Yield the messages of these channels in the order of time."""
        channels = {channel.id: channel for channel in self.channels if channel.id in ids}
        marks = ', '.join('?' * len(channels))
        query = (
            'SELECT topic_id, timestamp, data FROM messages '
            f'WHERE topic_id IN ({marks}) ORDER BY timestamp'
        )
        try:
            for number, time, data in self._database.execute(query, tuple(channels)):
                if isinstance(data, bytes) and isinstance(time, int):
                    yield RawMessage(channels[number], time, data)
        except sqlite3.Error as error:
            self.damage.append(_DAMAGED.format(error))

    def _read_channels(self) -> list[StoredTopic]:
        topics = self._database.execute(
            'SELECT id, name, type, serialization_format FROM topics'
        ).fetchall()
        try:
            counts = dict(
                self._database.execute('SELECT topic_id, count(*) FROM messages GROUP BY topic_id')
            )
        except sqlite3.DatabaseError as error:
            self.damage.append(_DAMAGED.format(error))
            counts = {number: 1 for number, *_ in topics}  # how many is not known, perhaps some
        return [
            StoredTopic(
                number, str(name), ros_2_type(str(kind)), str(encoding), counts.get(number, 0)
            )
            for number, name, kind, encoding in topics
        ]


def _is_half_written(journal: Path) -> bool:
    """Return whether there is a rollback journal that SQLite would have to apply first."""
    try:
        with journal.open('rb') as file:
            return file.read(len(_JOURNAL)) == _JOURNAL
    except FileNotFoundError:
        return False


def _why(error: str) -> str:
    """Return why a database cannot be opened, and the remedy."""
    if 'no such table' in error or 'no such column' in error:
        return f'it is a SQLite database but no recording ({error})'
    if 'unable to open' in error or 'readonly' in error:
        return (
            f'its -wal file cannot be merged ({error}): copy all of the folder to where you may '
            'write'
        )
    return f'it cannot be opened ({error}): is it still being recorded?'
