#!/usr/bin/env python3
"""Measure pysupervise as PID 1 beside other inits: `make bench`.

Every number comes from one run in which the inits take turns, each in a fresh PID
namespace. Exit status: 0 when each bound of the design holds, 1 when one does not,
2 when nothing could be measured. Takes at most five minutes; with --quick, one.
"""

import sys

from benchlib.main import main

if __name__ == "__main__":
    sys.exit(main())
