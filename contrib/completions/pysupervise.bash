# bash completion for pysupervise; made by `pysupervise completion bash`
_pysupervise() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} index
    for ((index = 1; index < COMP_CWORD; index++)); do
        if [[ ${COMP_WORDS[index]} == -- ]]; then
            _command_offset $((index + 1))
            return
        fi
    done
    case $previous in
        --forward) mapfile -t COMPREPLY < <(compgen -W "child group tree handlers" -- "$current"); return ;;
        --workdir) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
        --env-file) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --status-file) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --log-format) mapfile -t COMPREPLY < <(compgen -W "text json logfmt" -- "$current"); return ;;
        --grace|--stop-signal|--stop|--sweep-grace|--rewrite|--umask|--user|--env|--argv0|--nice|--oom-score-adj|--parent-death|--map-exit) return ;;
    esac
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "--grace --stop-signal --stop --sweep-grace --no-sweep --wait-all --forward --rewrite --session --workdir --umask --user --env --env-file --clear-env --argv0 --nice --oom-score-adj --no-new-privs --no-subreaper --parent-death --map-exit --reraise --status-file --verbose --quiet --log-format --help --version --" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -W "completion demo manpage" -c -- "$current")
    fi
}
complete -F _pysupervise pysupervise
