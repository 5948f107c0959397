"""The completion scripts of the three shells, from the lines of cli/completion.py."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pysupervise.cli.completion import Line, Word

BASH = r"""# bash completion for pysupervise; made by `pysupervise completion bash`
_pysupervise_table() {
    case $1 in
@tables@
    esac
}
_pysupervise_values() {
    case "$1 $2" in
@values@
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
        elif ((index == 1)) && [[ " @verbs@ " == *" $word "* ]]; then
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
        ((last == 1)) && mapfile -t COMPREPLY < <(compgen -W "@verbs@" -- "$current")
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
"""

FISH = r"""# made by `pysupervise completion fish`
# Prints which command line is being written (first, run, a verb), or "command" and where that begins.
function __pysupervise_place
    set -l tokens (commandline -opc)
    set -l line run
    set -l valued @valued@
    set -l index 2
    while test $index -le (count $tokens)
        set -l word $tokens[$index]
        if test "$word" = --
            if contains -- $line @commanding@
                echo command (math $index + 1)
            else
                echo $line
            end
            return
        else if contains -- "$line$word" $valued
            set index (math $index + 1)
        else if string match -q -- '-*' "$word"
        else if test $index -eq 2; and contains -- "$word" @verbs@
            set line $word
        else if contains -- $line @commanding@
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
complete -c pysupervise -n '__pysupervise_at first' -f -a '@verbs@'
complete -c pysupervise -n '__pysupervise_at command first @commanding@; and __pysupervise_may' -f -a '(__pysupervise_command)'
"""


def bash(lines: "Mapping[str, Line]") -> str:
    """Return the script of bash."""
    tables, values = [], []
    for name, line in lines.items():
        options = " ".join([*(f"--{word.name}" for word in line.options), *(["--"] if line.command else [])])
        valued = " ".join(f"--{word.name}" for word in line.options if word.kind)
        tables.append(f'        {name}) options="{options}" valued=" {valued} " targets="{" ".join(line.targets)}"')
        tables[-1] += f" command={'1' if line.command else ''} ;;"
        for word in line.options:
            generate = _BASH_VALUES.get(word.kind)
            if word.choices:
                generate = f'compgen -W "{" ".join(word.choices)}" -- "$3"'
            if generate:
                files = "compopt -o filenames 2> /dev/null; " if word.kind in ("file", "directory") else ""
                values.append(f'        "{name} --{word.name}") {files}mapfile -t COMPREPLY < <({generate}) ;;')
    return _filled(BASH, tables="\n".join(tables), values="\n".join(values), verbs=_verbs(lines))


_BASH_VALUES = {"file": 'compgen -f -- "$3"', "directory": 'compgen -d -- "$3"', "user": 'compgen -u -- "$3"'}


def zsh(lines: "Mapping[str, Line]") -> str:
    """Return the script of zsh."""
    text = ["#compdef pysupervise", "# made by `pysupervise completion zsh`", "if (( CURRENT > 2 )); then", "  case $words[2] in"]
    for name, line in lines.items():
        if name != "run":
            text += [f"    {name})", "      shift words", "      (( CURRENT-- ))", "      _arguments -s -S \\"]
            text += [f"      {option} \\" for option in map(_zsh_option, line.options)]
            if line.command:
                text += ["        '(-)1:command:_command_names -e' \\", "        '*::arguments:_normal'"]
            elif line.targets:
                nospace = '-S "" ' if name == "probe" else ""
                text.append(f"        '*:target:{{compadd {nospace}-- {' '.join(line.targets)}}}'")
            else:
                text.append("        '*:: :_message \"\"'")
            text += ["      return ;;"]
    text += ["  esac", "fi", "_arguments -s -S \\", *(f"  {_zsh_option(option)} \\" for option in lines["run"].options)]
    first = f"(( CURRENT == 2 )) && compadd -- {_verbs(lines)}; _command_names -e"
    text += [f"  '(-)1:command:{{{first}}}' \\", "  '*::arguments:_normal'"]
    return "\n".join(text) + "\n"


def _zsh_option(word: "Word") -> str:
    text = word.help.replace("[", "(").replace("]", ")").replace(":", "\\:").replace("'", "'\\''")
    action = ""
    if word.kind:
        made = {"file": "_files", "directory": "_files -/", "user": "_users", "free": ""}
        values = f"({' '.join(word.choices)})" if word.choices else made[word.kind]
        action = f":{word.metavar.replace('[', '(').replace(']', ')').replace(':', ' ')}:{values}"
    repeats = "*" if word.repeats else ""
    lines = [f"  '{repeats}--{word.name}{'=' if word.kind else ''}[{text}]{action}'"]
    if word.short:
        lines.append(f"'{repeats}-{word.short}[{text}]'")
    return " ".join(lines)


def fish(lines: "Mapping[str, Line]") -> str:
    """Return the script of fish."""
    valued = " ".join(f"{name}--{word.name}" for name, line in lines.items() for word in line.options if word.kind)
    commanding = " ".join(name for name, line in lines.items() if line.command)
    text = [_filled(FISH, valued=valued, commanding=commanding, verbs=_verbs(lines)).rstrip("\n")]
    for name, line in lines.items():
        condition = f"-n '__pysupervise_at {'first run' if name == 'run' else name}'"
        if line.targets:
            text.append(f"complete -c pysupervise {condition} -f -a '{' '.join(line.targets)}'")
        text += [f"complete -c pysupervise {condition} {_fish_option(word)}" for word in line.options]
    return "\n".join(text) + "\n"


def _fish_option(word: "Word") -> str:
    line = f"-l {word.name}" + (f" -s {word.short}" if word.short else "")
    if word.kind:
        line += " -r -F" if word.kind in ("file", "directory") else " -x"
        values = "(__fish_complete_users)" if word.kind == "user" else " ".join(word.choices)
        line += f" -a '{values}'" if values else ""
    text = word.help.replace("\\", "\\\\").replace("'", "\\'")
    return f"{line} -d '{text}'"


def _verbs(lines: "Mapping[str, Line]") -> str:
    return " ".join(name for name in lines if name != "run")


def _filled(template: str, **parts: str) -> str:
    for name, part in parts.items():
        template = template.replace(f"@{name}@", part)
    return template
