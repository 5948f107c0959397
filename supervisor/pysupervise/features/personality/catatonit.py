"""catatonit's command line: signals to the child or its group, nothing else; or a pause without any command."""

from pysupervise.core import kernel
from pysupervise.core.settings import ERROR, Settings
from pysupervise.features.personality.common import Plain, leave, letters, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

OUT, ERR = 1, 2
CANNOT_START = 1
INT, TERM, CHLD = 2, 15, 17
VERSION = "tini version 0.1.7_catatonit"
USAGE = "usage: {name} [-ghLPV] [--] <progname> [<arguments>...]"
HELP = """

pysupervise, with catatonit's command line.
  -g              pass signals on to the command's process group
  -h              show this help
  -L              show the licence
  -P              run no program, reap orphans, leave on INT
  -V, --version   show the version"""


def settings(argv: "list[str]", environment: "Mapping[bytes, bytes]") -> Settings:
    """Return the settings of a catatonit command line. Exits on questions and errors, and after a pause."""
    name = argv[0].rpartition("/")[2]
    usage = USAGE.format(name=name)
    if argv[1:2] == ["--version"]:
        leave(0, OUT, VERSION)
    options, command = letters(argv, "ghLPV", "", permute=False)
    forward = "child"
    for option, value in options:
        if option == "?":
            write(ERR, f"{argv[0]}: invalid option -- '{value}'")
            leave(1, ERR, usage)
        elif option == "h":
            leave(0, OUT, usage + HELP)
        elif option == "L":
            leave(0, OUT, "pysupervise is under the MIT licence.")
        elif option == "V":
            leave(0, OUT, VERSION)
        elif option == "P":
            _pause()
        elif option == "g":
            forward = "group"
    if not command:
        write(ERR, f"ERROR (catatonit:{kernel.getpid()}): missing program name")
        leave(1, ERR, usage)
    run = Settings(command, environment)
    run.forward = forward
    run.stop_plan, run.sweep_plan = ((0, None, None),), None
    run.start_failure = lambda _errno: CANNOT_START
    run.verbosity = ERROR
    run.voice = Plain(
        {
            "cannot_execute": lambda fields: (ERR, f"ERROR (catatonit:{fields['pid']}): failed to exec pid1: {fields['error']}"),
            "cannot_fork": lambda fields: (ERR, f"ERROR (catatonit:{kernel.getpid()}): failed to fork: {fields['reason']}"),
        }
    )
    return run


def _pause() -> "NoReturn":
    kernel.set_mask(kernel.SIG_BLOCK, kernel.ALL_SIGNALS)
    while (signum := kernel.sigwaitinfo(kernel.ALL_SIGNALS).si_signo) not in (INT, TERM):
        try:
            while signum == CHLD and kernel.waitpid(-1, kernel.WNOHANG)[0]:
                pass
        except ChildProcessError:
            continue
    kernel._exit(0)  # noqa: SLF001 -- that is the name
    raise AssertionError
