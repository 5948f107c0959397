"""Every event that can be told, with its sentence: the words of the text format, the names of JSON and logfmt.

docs/events.md is made from this table.
"""

# event: sentence. The fields in braces are also the fields of JSON and logfmt.
EVENTS: "dict[str, str]" = {
    "spawned": "started {command} as pid {pid}",
    "cannot_execute": "cannot {stage}: {reason}",
    "cannot_fork": "cannot start a process for {command}: {reason}",
    "hint": "hint: {hint}",
    "unknown_variable": "ignoring the variable {variable}: it stands for no option",
    "chld_was_ignored": (
        "SIGCHLD was ignored by whoever started pysupervise: the kernel would have thrown every exit status away, so it is set to its "
        "default, for the command too"
    ),
    "no_subreaper": (
        "pysupervise is not PID 1 and does not collect orphans: what the command leaves behind goes to another process, and is neither "
        "stopped nor reaped here; leave --no-subreaper out, or run pysupervise as PID 1"
    ),
    "cannot_subreap": "cannot collect orphans: {reason}; what the command leaves behind is neither stopped nor reaped here",
    "outer_init": "pid 1 is {name}: another init is above this one, which collects orphans all the same",
    "procfs": "/proc does not show this PID namespace: signals reach the command's process group, not the tree",
    "signal": "{signal} from {sender}",
    "delivered": "sent {signal} to {recipients}",
    "dropped": "{signal} goes nowhere: {reason}",
    "refused": "cannot send {signal} to pid {pid}: {reason}",
    "group_left": "{signal} reaches nobody: the command has left its process group; --forward tree, the default, finds it there too",
    "resumed": "continued {recipients}, stopped until now, to let the stop signal act",
    "suspended": "suspended with the command",
    "continued": "continued",
    "reaped": "reaped pid {pid} ({name}), which {end}",
    "command_ended": "the command {end}",
    "phase": "{phase}: {why}",
    "grace_over": "the grace period of {seconds:.1f} s is over: KILL to {survivors}",
    "killing": "KILL to {survivors}",
    "stuck": "these survive KILL: {survivors}; leaving without them",
    "status_lost": "the command is gone and somebody else took its status",
    "fault": "got {signal} from ourselves: a fault in pysupervise, which ends here",
    "killed_why": "the command was killed by KILL: {why}",
    "cannot_write_status": "cannot write {path}: {reason}",
    "internal": "internal error: {what} in phase {phase}",
    "lost_words": "{count} lines were lost: nobody read them",
    "exited": "exiting with {status} after {total:.3f} s ({phases}); {ended_by}; reaped {reaped}",
}


def command_line(command: "list[str]") -> str:
    """Return a command as one readable line; words that a reader could take for something else are quoted."""
    return " ".join(word if word and word.isprintable() and " " not in word else repr(word) for word in command)
