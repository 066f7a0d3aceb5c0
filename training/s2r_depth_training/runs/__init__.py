"""Experiments: read, run in stages, timed, resumed, exported."""
