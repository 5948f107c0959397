# made by `pysupervise completion fish`
complete -c pysupervise -f -a '(__fish_complete_subcommand)'
complete -c pysupervise -n __fish_is_first_token -f -a check
complete -c pysupervise -n __fish_is_first_token -f -a completion
complete -c pysupervise -n __fish_is_first_token -f -a doctor
complete -c pysupervise -n __fish_is_first_token -f -a manpage
complete -c pysupervise -n __fish_is_first_token -f -a tree
complete -c pysupervise -n __fish_is_first_token -f -a zombies
complete -c pysupervise -l grace -x -d 'Wait so long between the stop signal and KILL. [default: 10s]'
complete -c pysupervise -l stop-signal -x -d 'Send this to stop the command, whatever signal asked for it; the signal itself also asks for a stop. [default: the one that came]'
complete -c pysupervise -l stop -x -d 'Stop in steps, each a signal, a target and a wait: TERM@handlers:8s,TERM@tree:2s,KILL.'
complete -c pysupervise -l sweep-grace -x -d 'When the command ended by itself, give what it left running so long before KILL. [default: 5s]'
complete -c pysupervise -l no-sweep -d 'Leave when the command ends, whatever it left running.'
complete -c pysupervise -l wait-all -d 'When the command ended, wait until everything it left running ends too.'
complete -c pysupervise -l forward -x -a 'child group tree handlers' -d 'Who gets a signal: the child, its process group, the whole tree, or the processes that handle it. [default: tree]'
complete -c pysupervise -l rewrite -x -d 'Pass another signal on than the one that came; TO 0 drops it. Can be repeated.'
complete -c pysupervise -l session -d 'Start the command in a session of its own (setsid), not just a process group.'
complete -c pysupervise -l workdir -r -d 'Start the command in this directory.'
complete -c pysupervise -l umask -x -d 'Start the command with this umask.'
complete -c pysupervise -l user -x -d 'Start the command as this user, by name or number. HOME, USER and LOGNAME follow.'
complete -c pysupervise -l env -x -d 'Set a variable for the command. Can be repeated.'
complete -c pysupervise -l env-file -r -d 'Set the variables of a file of KEY=VALUE lines. Can be repeated.'
complete -c pysupervise -l clear-env -d 'Start from an empty environment.'
complete -c pysupervise -l argv0 -x -d 'Call the command this in its own argument list.'
complete -c pysupervise -l nice -x -d 'Start the command with this niceness, -20 to 19.'
complete -c pysupervise -l oom-score-adj -x -d 'How readily the kernel kills the command when memory runs out, -1000 to 1000.'
complete -c pysupervise -l no-new-privs -d 'The command and its children can never gain privileges (set-user-ID has no effect).'
complete -c pysupervise -l no-subreaper -d 'Do not collect orphans where pysupervise is not PID 1.'
complete -c pysupervise -l parent-death -x -d 'Act as if this signal came when pysupervise\'s parent dies; the command gets it if pysupervise dies.'
complete -c pysupervise -l map-exit -x -d 'Return another exit status than the command\'s: 143=0. Can be repeated.'
complete -c pysupervise -l reraise -d 'Die of the signal that killed the command, so that a shell sees the truth. Not as PID 1.'
complete -c pysupervise -l status-file -r -d 'Write how it ended, by whom, and how long each phase took, as JSON.'
complete -c pysupervise -l verbose -s v -d 'Tell what happens; twice for every detail.'
complete -c pysupervise -l quiet -s q -d 'Say errors only, no warnings.'
complete -c pysupervise -l log-format -x -a 'text json logfmt' -d 'How to write: text, json or logfmt. [default: text]'
complete -c pysupervise -l help -s h -d 'Show this help and exit.'
complete -c pysupervise -l version -s V -d 'Show the version and exit.'
