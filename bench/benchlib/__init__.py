"""The parts of the benchmark; see ../run.py. Only the standard library."""
