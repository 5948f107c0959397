# bash completion for pysupervise; made by `pysupervise completion bash`
_pysupervise_table() {
    case $1 in
        run) options="--grace --stop-signal --stop --sweep-grace --no-sweep --wait-all --forward --rewrite --session --workdir --umask --user --env --env-file --clear-env --argv0 --nice --oom-score-adj --no-new-privs --no-subreaper --parent-death --map-exit --reraise --status-file --verbose --quiet --log-format --help --version --" valued=" --grace --stop-signal --stop --sweep-grace --forward --rewrite --workdir --umask --user --env --env-file --argv0 --nice --oom-score-adj --parent-death --map-exit --status-file --log-format " targets="" command=1 ;;
        check) options="--ready --ready-within --slow-http --http --signal --within --refused-within --expect --repeat --during-start --moments --bare --junit --json --help --" valued=" --ready --ready-within --slow-http --http --signal --within --refused-within --expect --repeat --moments --junit " targets="" command=1 ;;
        completion) options="--help" valued="  " targets="bash zsh fish" command= ;;
        demo) options="--all --json --record --help" valued=" --record " targets="zombies pid1-ignores-term shell-swallows-term sigchld-ignored blocked-mask setsid-escape grace-too-short exit-status-lost pipe-init double-signal wait-race notify-timeout" command= ;;
        doctor) options="--container --dockerfile --compose --target --context --json --watch --help" valued=" --container --dockerfile --compose --target --context " targets="" command= ;;
        manpage) options="--help" valued="  " targets="" command= ;;
        probe) options="--timeout --retries --interval --status --body --header --insecure --quiet --json --help" valued=" --timeout --retries --interval --status --body --header " targets="tcp: http:// https:// unix: pid: exec:" command= ;;
        tree) options="--signal --watch --json --help" valued=" --signal " targets="" command= ;;
        zombies) options="--parent --pid-namespace --watch --json --help" valued=" --parent --pid-namespace " targets="" command= ;;
    esac
}
_pysupervise_values() {
    case "$1 $2" in
        "run --stop-signal") mapfile -t COMPREPLY < <(compgen -W "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CONT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS RTMIN RTMAX" -- "$3") ;;
        "run --forward") mapfile -t COMPREPLY < <(compgen -W "child group tree handlers" -- "$3") ;;
        "run --workdir") compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$3") ;;
        "run --user") mapfile -t COMPREPLY < <(compgen -u -- "$3") ;;
        "run --env-file") compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$3") ;;
        "run --parent-death") mapfile -t COMPREPLY < <(compgen -W "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CONT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS RTMIN RTMAX" -- "$3") ;;
        "run --status-file") compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$3") ;;
        "run --log-format") mapfile -t COMPREPLY < <(compgen -W "text json logfmt" -- "$3") ;;
        "check --signal") mapfile -t COMPREPLY < <(compgen -W "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CONT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS RTMIN RTMAX" -- "$3") ;;
        "check --junit") compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$3") ;;
        "demo --record") compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$3") ;;
        "doctor --dockerfile") compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$3") ;;
        "doctor --compose") compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$3") ;;
        "doctor --context") compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$3") ;;
        "tree --signal") mapfile -t COMPREPLY < <(compgen -W "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CONT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS RTMIN RTMAX" -- "$3") ;;
    esac
}
_pysupervise() {
    local words=("${COMP_WORDS[0]}") origin=(0) join='' word index
    COMPREPLY=()
    # bash cuts words at = and : and @ (COMP_WORDBREAKS): put them together again.
    for ((index = 1; index <= COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ $word =~ ^[=:@]+$ ]]; then
            words[-1]+=$word join=1
        elif [[ $join ]]; then
            words[-1]+=$word join=''
        else
            words+=("$word") origin+=("$index")
        fi
    done
    # What bash replaces is what stands after the last cut.
    local last=$((${#words[@]} - 1)) current=${words[-1]} cut=''
    if [[ $join ]]; then
        cut=$current
    elif [[ $current != "${COMP_WORDS[COMP_CWORD]}" ]]; then
        cut=${current%"${COMP_WORDS[COMP_CWORD]}"}
    fi
    local line=run option='' place='' ended='' options valued targets command
    _pysupervise_table run
    for ((index = 1; index < last; index++)); do
        word=${words[index]} option=''
        if [[ $ended ]]; then
            continue
        elif [[ $word == -- ]]; then
            ended=1
            [[ $command ]] && place=$((index + 1)) && break
        elif [[ $valued == *" $word "* ]]; then
            option=$word
            ((index++))
        elif [[ $word == -* ]]; then
            continue
        elif ((index == 1)) && [[ " check completion demo doctor manpage probe tree zombies " == *" $word "* ]]; then
            line=$word
            _pysupervise_table "$line"
        elif [[ $command ]]; then
            place=$index
            break
        elif [[ $word == exec:* ]]; then
            place=0
            break
        fi
    done
    ((index == last)) && option=''
    if [[ $place ]]; then
        _pysupervise_command
    elif [[ $option ]]; then
        _pysupervise_values "$line" "$option" "$current"
    elif [[ ! $ended && $current == --*=* ]]; then
        _pysupervise_values "$line" "${current%%=*}" "${current#*=}"
        COMPREPLY=("${COMPREPLY[@]/#/${current%%=*}=}")
    elif [[ ! $ended && $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    elif [[ $command ]]; then
        place=$last
        ((last == 1)) && mapfile -t COMPREPLY < <(compgen -W "check completion demo doctor manpage probe tree zombies" -- "$current")
        local verbs=("${COMPREPLY[@]}")
        _pysupervise_command
        COMPREPLY+=("${verbs[@]}")
    else
        mapfile -t COMPREPLY < <(compgen -W "$targets" -- "$current")
        [[ $line == probe ]] && compopt -o nospace 2> /dev/null
    fi
    if [[ $cut ]]; then
        for index in "${!COMPREPLY[@]}"; do
            COMPREPLY[index]=${COMPREPLY[index]#"$cut"}
        done
    fi
}
# The command at $place of the words, and its own arguments: by bash-completion where that is loaded.
_pysupervise_command() {
    if ((place > 0)) && declare -F _comp_command_offset > /dev/null; then
        cut=''
        _comp_command_offset "${origin[place]}"
    elif ((place > 0)) && declare -F _command_offset > /dev/null; then
        cut=''
        _command_offset "${origin[place]}"
    elif ((place == last)); then
        mapfile -t COMPREPLY < <(compgen -c -- "$current" | sort -u)
    else
        compopt -o filenames 2> /dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}
complete -F _pysupervise pysupervise
