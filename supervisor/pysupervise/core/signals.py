"""Names and numbers of signals: ``TERM``, ``SIGTERM``, ``15``, ``RTMIN+3``."""

import _signal

_ALIASES = ("CLD", "IO", "POLL", "IOT", "UNUSED")  # second names of CHLD, of each other, and of ABRT and SYS

NUMBERS: "dict[str, int]" = {
    name[3:]: int(getattr(_signal, name)) for name in dir(_signal) if name.startswith("SIG") and name[3:].isalnum() and name.isupper()
}
RTMIN = NUMBERS["RTMIN"]
RTMAX = NUMBERS["RTMAX"]
# Not every release of the signal module knows it.
NUMBERS.setdefault("STKFLT", 16)
NAMES: "dict[int, str]" = {number: name for name, number in NUMBERS.items() if name not in _ALIASES}
NAMES[NUMBERS["IO"]] = "IO"


def name(signum: int) -> str:
    """Return the name without SIG: TERM, RTMIN+3; a number that has none, as it is."""
    known = NAMES.get(signum)
    if known is not None:
        return known
    if RTMIN < signum < RTMAX:
        return f"RTMIN+{signum - RTMIN}"
    return str(signum)


def parse(text: str) -> int:
    """Return the number of a signal given as name or number in any case. Raises ValueError."""
    word = text.strip().upper().removeprefix("SIG")
    if word.isascii() and word.isdigit():
        number = int(word)
    elif word[:6] in ("RTMIN+", "RTMAX-") and word[6:].isascii() and word[6:].isdigit():
        number = RTMIN + int(word[6:]) if word[:5] == "RTMIN" else RTMAX - int(word[6:])
        if not RTMIN <= number <= RTMAX:
            raise ValueError(f"real-time signals go from {RTMIN} to {RTMAX}")
    else:
        number = NUMBERS.get(word, 0)
        if not number or not word.isalnum():
            raise ValueError("no such signal")
    if number in NAMES or RTMIN <= number <= RTMAX:
        return number
    raise ValueError("no such signal")
