"""The incidents, one module each: the scripts, the two sides, what the facts have to be, and the words."""
