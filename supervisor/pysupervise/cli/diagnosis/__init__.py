"""What `pysupervise doctor` knows: values that hold what was read, and rules that judge them. The command itself is cli/doctor.py."""
