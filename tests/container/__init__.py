"""Tests of the image under podman."""
