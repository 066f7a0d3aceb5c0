"""The whole graph timed: camera processes, depth nodes and subscriber processes.

``graphs`` lays out the graphs to time and has them run. ``session`` is one run, whose processes
are the depth nodes, a ``still_camera`` and a ``subscriber`` for each camera; ``usage`` is what the
nodes took of the machine. ``figures`` are what a run gave, ``report`` shows them as tables.
"""
