"""The demo: a camera player, the depth node and a recorder as separate processes on real topics.

``demo`` shows a run from top to bottom. Before it: ``options`` and ``output_folder``. The
processes: ``command_lines`` and ``session``. What is made of the recording: ``results``, which
writes the figures of ``summary`` and the ``contact_sheet`` of ``sheet_rows``, with a
``cloud_view`` in each row.
"""
