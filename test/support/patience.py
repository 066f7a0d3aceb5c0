"""How long tests wait for what must come."""

# Seconds. That a machine is slow is no failure: a node that starts in 6 s took 63 s where a dozen
# processes shared two cores. Only a test that fails waits so long; speed is for the benchmarks.
PATIENCE = 300.0
