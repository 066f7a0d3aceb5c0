"""What drives and watches a graph from outside: cameras, recorders, processes, services."""
