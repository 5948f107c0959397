"""pysupervise: a process supervisor for the command line and a mini-init for containers."""

__version__ = "0.1.0"
