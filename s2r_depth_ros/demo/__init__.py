"""The demo: a camera player, the depth node and a recorder as separate processes on real topics."""
