"""What `pysupervise check` is made of: start, readiness, a request in flight, a watch on the tree, verdicts, reports."""
