"""Images and videos from files, depth into files."""
