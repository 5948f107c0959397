"""Programs that run another, such as a script of package.json: who stands between the init and the service then, and what a stop does."""

from collections.abc import Sequence

from pysupervise.cli.diagnosis import programs
from pysupervise.cli.diagnosis.finding import INFO, WARNING, Finding

# The words of each that run a script or a package's program. Measured with npm 11, pnpm 9 and 10 and yarn 1 as PID 1; `pnpm exec` waits for
# what it runs, so it is not among them.
NODEMON = "nodemon"  # it runs what is named, without a word in front; measured with nodemon 3
RUNNING_WORDS = {
    "npm": frozenset({"start", "run", "run-script", "restart", "exec", "x"}),
    "pnpm": frozenset({"start", "run", "run-script", "restart", "dev", "serve"}),
    "yarn": frozenset({"start", "run", "restart", "dev", "serve", "exec"}),
}
VALUED_OPTIONS = frozenset({"--prefix", "-C", "--dir", "--cwd", "-w", "--workspace", "--filter", "-F"})
CONSEQUENCES = {
    "npm": "npm hands TERM to its `sh -c` alone. That dies of it, npm leaves, and the kernel kills the service before it has cleaned up.",
    "pnpm": "At TERM pnpm leaves without waiting for the service, and the kernel kills the service before it has cleaned up.",
    "yarn": "At TERM yarn 1 leaves without waiting for the service, and the kernel kills the service before it has cleaned up "
    "(yarn 4 starts it without a shell, and waits).",
    NODEMON: "At TERM nodemon leaves without waiting for the service, and the kernel kills the service before it has cleaned up.",
}


def runner_of(words: Sequence[str], process_name: str = "") -> str:
    """Return npm, pnpm, yarn or nodemon where these words run something with it, else "".

    ``process_name`` is the kernel's: npm calls itself after what it runs (`npm start`, and `npm exec x` for npx).
    """
    if process_name.startswith("npm "):
        words = process_name.split()
    names = [programs.base_name(word).removesuffix(".js").removesuffix(".cjs").removesuffix("-cli") for word in words[:2]]
    if names[:1] in (["node"], ["nodejs"]):  # what the #! line of each makes of it
        names, words = names[1:], words[1:]
    if names[:1] == [NODEMON]:
        return NODEMON if len(words) > 1 else ""
    if names[:1] == ["npx"]:
        return "npm" if len(words) > 1 else ""
    running = RUNNING_WORDS.get(names[0] if names else "", frozenset())
    skip = False
    for word in words[1:]:
        if skip or word.startswith("-"):
            skip = not skip and word in VALUED_OPTIONS
            continue
        return names[0] if word in running else ""
    return ""


def in_front(runner: str, command: str, evidence: tuple[str, ...], *, whole_tree: bool) -> Finding:
    """Return what a stop does behind this runner. ``whole_tree``: a pysupervise above signals everybody and waits for them."""
    where = "what nodemon is to restart" if runner == NODEMON else "the words that package.json has under scripts"
    direct = f"start the program itself: {where}, such as node server.js"
    if whole_tree:
        return Finding(
            INFO,
            "script-runner-below-pysupervise",
            f"`{command}` stands between pysupervise and the service",
            evidence,
            f"The service gets the stop signal and has its time. {runner} and its shell may leave before it: the status is {runner}'s, "
            "not the service's.",
            direct,
        )
    return Finding(
        WARNING,
        "script-runner-in-front",
        f"`{command}` stands in front of the service",
        evidence,
        CONSEQUENCES[runner],
        f'{direct}; or ENTRYPOINT ["pysupervise", "--"] in front, which signals the whole tree and waits for it',
    )


def wrapper_in_front(words: Sequence[str], evidence: tuple[str, ...], *, whole_tree: bool) -> Finding | None:
    """Return what a stop does behind a program that starts the service as its child; None where these words start none."""
    name = programs.base_name(words[0]) if words else ""
    found = programs.WRAPPERS.get(name)
    if found is None or (name == "flock" and programs.NO_FORK & set(words)):
        return None
    consequence, fix = found
    covered = whole_tree and name not in programs.USER_SWITCHERS
    return Finding(
        INFO if covered else WARNING,
        "wrapper-in-front",
        f"`{name}` stands in front of the service",
        evidence,
        "The service gets the stop signal from pysupervise itself; the status is the wrapper's." if covered else consequence,
        fix,
    )
