"""What PID 1 runs."""

# Import budget: this package imports itself and, from the standard library, only what the bare interpreter has loaded
# already (``os``, ``sys``, ``posix``, ``time``) and the C module ``_signal``. ``import signal`` alone costs 3 ms and 0.8 MB, because it
# brings enum, functools and collections. Anything else is imported inside the function that needs it, by those who asked for
# it. tests/unit/test_imports.py compares the modules that a running PID 1 has loaded with a list.
