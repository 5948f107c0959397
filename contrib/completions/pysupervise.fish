# made by `pysupervise completion fish`
# Prints which command line is being written (first, run, a verb), or "command" and where that begins.
function __pysupervise_place
    set -l tokens (commandline -opc)
    set -l line run
    set -l valued run--grace run--stop-signal run--stop run--sweep-grace run--forward run--rewrite run--workdir run--umask run--user run--env run--env-file run--argv0 run--nice run--oom-score-adj run--parent-death run--map-exit run--status-file run--log-format check--ready check--ready-within check--slow-http check--http check--signal check--within check--refused-within check--expect check--repeat check--moments check--junit demo--record doctor--container doctor--dockerfile doctor--compose doctor--target doctor--context probe--timeout probe--retries probe--interval probe--status probe--body probe--header tree--signal zombies--parent zombies--pid-namespace
    set -l index 2
    while test $index -le (count $tokens)
        set -l word $tokens[$index]
        if test "$word" = --
            if contains -- $line run check
                echo command (math $index + 1)
            else
                echo $line
            end
            return
        else if contains -- "$line$word" $valued
            set index (math $index + 1)
        else if string match -q -- '-*' "$word"
        else if test $index -eq 2; and contains -- "$word" check completion demo doctor manpage probe tree zombies
            set line $word
        else if contains -- $line run check
            echo command $index
            return
        else if string match -q -- 'exec:*' "$word"
            echo argument
            return
        end
        set index (math $index + 1)
    end
    test (count $tokens) -eq 1; and echo first; or echo $line
end
function __pysupervise_at
    set -l place (string split ' ' (__pysupervise_place))
    contains -- $place[1] $argv
end
# Whether a word of the command is written: it may begin with - once the command stands there.
function __pysupervise_may
    __pysupervise_at command; or not string match -q -- '-*' (commandline -ct)
end
# Completes the command that pysupervise is to run, as it would be without pysupervise.
function __pysupervise_command
    set -l place (string split ' ' (__pysupervise_place))
    set -l tokens (commandline -opc)
    set -l before
    if set -q place[2]; and test $place[2] -le (count $tokens)
        set before (string escape -- $tokens[$place[2]..-1])
    end
    complete -C (string join ' ' -- $before (commandline -ct))
end
complete -c pysupervise -n 'not __pysupervise_at argument' -f
complete -c pysupervise -n '__pysupervise_at first' -f -a 'check completion demo doctor manpage probe tree zombies'
complete -c pysupervise -n '__pysupervise_at command first run check; and __pysupervise_may' -f -a '(__pysupervise_command)'
complete -c pysupervise -n '__pysupervise_at first run' -l grace -x -d 'Wait so long between the stop signal and KILL. [default: 10s]'
complete -c pysupervise -n '__pysupervise_at first run' -l stop-signal -x -a 'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CONT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS RTMIN RTMAX' -d 'Send this to stop the command, whatever signal asked for it; the signal itself also asks for a stop. [default: the one that came]'
complete -c pysupervise -n '__pysupervise_at first run' -l stop -x -d 'Stop in steps, each a signal, a target and a wait: TERM@handlers:8s,TERM@tree:2s,KILL.'
complete -c pysupervise -n '__pysupervise_at first run' -l sweep-grace -x -d 'When the command ended by itself, give what it left running so long before KILL. [default: 5s]'
complete -c pysupervise -n '__pysupervise_at first run' -l no-sweep -d 'Leave when the command ends, whatever it left running.'
complete -c pysupervise -n '__pysupervise_at first run' -l wait-all -d 'When the command ended, wait until everything it left running ends too.'
complete -c pysupervise -n '__pysupervise_at first run' -l forward -x -a 'child group tree handlers' -d 'Who gets a signal: the child, its process group, the whole tree, or the processes that handle it. [default: tree]'
complete -c pysupervise -n '__pysupervise_at first run' -l rewrite -x -d 'Pass another signal on than the one that came; TO 0 drops it. Can be repeated.'
complete -c pysupervise -n '__pysupervise_at first run' -l session -d 'Start the command in a session of its own (setsid), not just a process group.'
complete -c pysupervise -n '__pysupervise_at first run' -l workdir -r -F -d 'Start the command in this directory.'
complete -c pysupervise -n '__pysupervise_at first run' -l umask -x -d 'Start the command with this umask.'
complete -c pysupervise -n '__pysupervise_at first run' -l user -x -a '(__fish_complete_users)' -d 'Start the command as this user, by name or number. HOME, USER and LOGNAME follow.'
complete -c pysupervise -n '__pysupervise_at first run' -l env -x -d 'Set a variable for the command. Can be repeated.'
complete -c pysupervise -n '__pysupervise_at first run' -l env-file -r -F -d 'Set the variables of a file of KEY=VALUE lines. Can be repeated.'
complete -c pysupervise -n '__pysupervise_at first run' -l clear-env -d 'Start from an empty environment.'
complete -c pysupervise -n '__pysupervise_at first run' -l argv0 -x -d 'Call the command this in its own argument list.'
complete -c pysupervise -n '__pysupervise_at first run' -l nice -x -d 'Start the command with this niceness, -20 to 19.'
complete -c pysupervise -n '__pysupervise_at first run' -l oom-score-adj -x -d 'How readily the kernel kills the command when memory runs out, -1000 to 1000.'
complete -c pysupervise -n '__pysupervise_at first run' -l no-new-privs -d 'The command and its children can never gain privileges (set-user-ID has no effect).'
complete -c pysupervise -n '__pysupervise_at first run' -l no-subreaper -d 'Do not collect orphans where pysupervise is not PID 1.'
complete -c pysupervise -n '__pysupervise_at first run' -l parent-death -x -a 'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CONT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS RTMIN RTMAX' -d 'Act as if this signal came when pysupervise\'s parent dies; the command gets it if pysupervise dies.'
complete -c pysupervise -n '__pysupervise_at first run' -l map-exit -x -d 'Return another exit status than the command\'s: 143=0. Can be repeated.'
complete -c pysupervise -n '__pysupervise_at first run' -l reraise -d 'Die of the signal that killed the command, so that a shell sees the truth. Not as PID 1.'
complete -c pysupervise -n '__pysupervise_at first run' -l status-file -r -F -d 'Write how it ended, by whom, and how long each phase took, as JSON.'
complete -c pysupervise -n '__pysupervise_at first run' -l verbose -s v -d 'Tell what happens; twice for every detail.'
complete -c pysupervise -n '__pysupervise_at first run' -l quiet -s q -d 'Say errors only, no warnings.'
complete -c pysupervise -n '__pysupervise_at first run' -l log-format -x -a 'text json logfmt' -d 'How to write: text, json or logfmt. [default: text]'
complete -c pysupervise -n '__pysupervise_at first run' -l help -s h -d 'Show this help and exit.'
complete -c pysupervise -n '__pysupervise_at first run' -l version -s V -d 'Show the version and exit.'
complete -c pysupervise -n '__pysupervise_at check' -l ready -x -d 'When COMMAND is ready: tcp:[HOST:]PORT lets connections in, http:URL answers with 2xx or 3xx, log:REGEX is found in a line of its output, delay:2s have passed. [default: the port of --slow-http or --http lets connections in; without them, its first TCP port listens, or 1 s has passed]'
complete -c pysupervise -n '__pysupervise_at check' -l ready-within -x -d 'Give up when it is not ready by then. [default: 30s]'
complete -c pysupervise -n '__pysupervise_at check' -l slow-http -x -d 'Keep a request for URL in flight while the signal is sent: one that takes a second or more.'
complete -c pysupervise -n '__pysupervise_at check' -l http -x -d 'Ask for URL before the signal, and on new connections after it; without --slow-http also keep a request in flight whose head is still being sent. Draining fails when requests on new connections are reset, closed or cut off, but for those let in within 50 ms of the first refusal, and when one is answered with a status from 500 on.'
complete -c pysupervise -n '__pysupervise_at check' -l signal -x -a 'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CONT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS RTMIN RTMAX' -d 'Stop it with this; repeated: with each in turn. [default: TERM]'
complete -c pysupervise -n '__pysupervise_at check' -l within -x -d 'Everything has to be gone by then. Above 10s it is also pysupervise\'s grace period, unless PYSUPERVISE_GRACE says another. [default: 10s]'
complete -c pysupervise -n '__pysupervise_at check' -l refused-within -x -d 'New connections have to be refused by then. [default: 1s]'
complete -c pysupervise -n '__pysupervise_at check' -l expect -x -d 'Exit statuses that count as graceful. [default: 0, and 128 + the signal]'
complete -c pysupervise -n '__pysupervise_at check' -l repeat -x -d 'Do it so often with each signal. [default: 1]'
complete -c pysupervise -n '__pysupervise_at check' -l during-start -d 'Also send the signal at moments between exec and readiness: the command has to end then too.'
complete -c pysupervise -n '__pysupervise_at check' -l moments -x -d 'So many of them. [default: 5]'
complete -c pysupervise -n '__pysupervise_at check' -l bare -d 'Run COMMAND itself as PID 1: what the image does without an init, or with the init that COMMAND begins with.'
complete -c pysupervise -n '__pysupervise_at check' -l junit -r -F -d 'Write JUnit XML.'
complete -c pysupervise -n '__pysupervise_at check' -l json -d 'Write JSON.'
complete -c pysupervise -n '__pysupervise_at check' -l help -d 'Show this message and exit.'
complete -c pysupervise -n '__pysupervise_at completion' -f -a 'bash zsh fish'
complete -c pysupervise -n '__pysupervise_at completion' -l help -d 'Show this message and exit.'
complete -c pysupervise -n '__pysupervise_at demo' -f -a 'zombies pid1-ignores-term shell-swallows-term sigchld-ignored blocked-mask setsid-escape grace-too-short exit-status-lost pipe-init double-signal wait-race notify-timeout'
complete -c pysupervise -n '__pysupervise_at demo' -l all -d 'Run every demo, and say of each whether it showed what it claims.'
complete -c pysupervise -n '__pysupervise_at demo' -l json -d 'Write JSON.'
complete -c pysupervise -n '__pysupervise_at demo' -l record -r -F -d 'Write what is printed to a new file, as an asciicast v2.'
complete -c pysupervise -n '__pysupervise_at demo' -l help -d 'Show this message and exit.'
complete -c pysupervise -n '__pysupervise_at doctor' -l container -x -d 'Examine a running container: podman, docker, containerd, cri-o. Ids are found without an engine.'
complete -c pysupervise -n '__pysupervise_at doctor' -l dockerfile -r -F -d 'Examine a Dockerfile and the entry script that it copies.'
complete -c pysupervise -n '__pysupervise_at doctor' -l compose -r -F -d 'Examine a compose file.'
complete -c pysupervise -n '__pysupervise_at doctor' -l target -x -d 'With --dockerfile: the stage that is built. [default: the last one]'
complete -c pysupervise -n '__pysupervise_at doctor' -l context -r -F -d 'With --dockerfile: the build context. [default: the directory of the file]'
complete -c pysupervise -n '__pysupervise_at doctor' -l json -d 'Write JSON.'
complete -c pysupervise -n '__pysupervise_at doctor' -l watch -d 'Look again every SECONDS (2 without a number), until Ctrl-C.'
complete -c pysupervise -n '__pysupervise_at doctor' -l help -d 'Show this message and exit.'
complete -c pysupervise -n '__pysupervise_at manpage' -l help -d 'Show this message and exit.'
complete -c pysupervise -n '__pysupervise_at probe' -f -a 'tcp: http:// https:// unix: pid: exec:'
complete -c pysupervise -n '__pysupervise_at probe' -l timeout -x -d 'Give one try so long, whatever the other side does. [default: 5s]'
complete -c pysupervise -n '__pysupervise_at probe' -l retries -x -d 'Try so many times more before it is unhealthy. [default: 0]'
complete -c pysupervise -n '__pysupervise_at probe' -l interval -x -d 'Wait so long between two tries. [default: 1s]'
complete -c pysupervise -n '__pysupervise_at probe' -l status -x -d 'Which statuses are healthy: 200,204,300-399. Redirects are not followed. [default: 200-399]'
complete -c pysupervise -n '__pysupervise_at probe' -l body -x -d 'The first MiB of the answer must hold this text too.'
complete -c pysupervise -n '__pysupervise_at probe' -l header -x -d 'Send this field with the request. Can be repeated.'
complete -c pysupervise -n '__pysupervise_at probe' -l insecure -d 'Take any certificate (https).'
complete -c pysupervise -n '__pysupervise_at probe' -l quiet -s q -d 'Say nothing when healthy.'
complete -c pysupervise -n '__pysupervise_at probe' -l json -d 'Say it as one line of JSON on standard output, healthy or not; seconds are those of the last try.'
complete -c pysupervise -n '__pysupervise_at probe' -l help -s h -d 'Show this help and exit.'
complete -c pysupervise -n '__pysupervise_at tree' -l signal -x -a 'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CONT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS RTMIN RTMAX' -d 'Show who would get this signal, and what it would do to them.'
complete -c pysupervise -n '__pysupervise_at tree' -l watch -d 'Look again every SECONDS (2 without a number), until Ctrl-C.'
complete -c pysupervise -n '__pysupervise_at tree' -l json -d 'Write JSON.'
complete -c pysupervise -n '__pysupervise_at tree' -l help -d 'Show this message and exit.'
complete -c pysupervise -n '__pysupervise_at zombies' -l parent -x -d 'Only the children of this process.'
complete -c pysupervise -n '__pysupervise_at zombies' -l pid-namespace -x -d 'Only the PID namespace of this process.'
complete -c pysupervise -n '__pysupervise_at zombies' -l watch -d 'Look again every SECONDS (2 without a number), until Ctrl-C.'
complete -c pysupervise -n '__pysupervise_at zombies' -l json -d 'Write JSON.'
complete -c pysupervise -n '__pysupervise_at zombies' -l help -d 'Show this message and exit.'
