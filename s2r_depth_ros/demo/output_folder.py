"""The folder of a run's results: what lies where, and making room for a new run."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from s2r_depth_ros.errors import UserError
from s2r_depth_ros.files import make_folder


@dataclass(frozen=True)
class OutputFolder:
    """The paths below the folder ``path``."""

    path: Path

    @property
    def recording(self) -> Path:
        """The bag, a folder."""
        return self.path / 'recording'

    @property
    def logs(self) -> Path:
        """The folder of the processes' logs."""
        return self.path / 'logs'

    @property
    def node_log(self) -> Path:
        """The depth node's log."""
        return self.logs / 'node.log'

    @property
    def arrivals(self) -> Path:
        """The recorder's file of arrival times."""
        return self.logs / 'arrivals.json'

    @property
    def contact_sheet(self) -> Path:
        """The contact sheet, a PNG."""
        return self.path / 'contact_sheet.png'

    @property
    def facts(self) -> Path:
        """What was run and measured, as JSON."""
        return self.path / 'demo.json'

    def prepare(self) -> None:
        """Make the folder and remove the recording of a former run. Raises UserError."""
        if self.recording.is_symlink() or self.recording.is_file():
            raise UserError(f'{self.recording} is a link or a file, no recording: move it')
        if self.recording.is_dir():
            files = self.recording.iterdir()
            foreign = [file.name for file in files if file.suffix not in ('.mcap', '.yaml')]
            if foreign:
                raise UserError(
                    f'{self.recording} holds {foreign[0]}, no recording of this demo: move it'
                )
            shutil.rmtree(self.recording)
        make_folder(self.logs)
