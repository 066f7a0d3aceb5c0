"""The parts of ``simulate_drive.py``: rooms and frames, outputs, the costmap, what is counted.

World frame: metres, z up, the floor at z = 0. Grids are [X, Y], their cells of CELL metres.
"""
