"""pysupervise completion SHELL: a completion script made from the option tables."""

import click

from pysupervise.core.options import OPTIONS, QUESTIONS, VERBS, Option
from pysupervise.features.probe import options as probe

SHELLS = ("bash", "zsh", "fish")
FILES = ("env-file", "status-file")
DIRECTORIES = ("workdir",)

# How the targets of a probe begin.
PROBE_TARGETS = ("tcp:", "http://", "https://", "unix:", "pid:", "exec:")
PROBE_OPTIONS = (*probe.OPTIONS, *probe.QUESTIONS)

BASH = """\
# bash completion for pysupervise; made by `pysupervise completion bash`
_pysupervise() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} index
    if [[ $COMP_CWORD -gt 1 && ${{COMP_WORDS[1]}} == probe ]]; then
        case $previous in
            {probe_valued}) return ;;
        esac
        if [[ $current == -* ]]; then
            mapfile -t COMPREPLY < <(compgen -W "{probe_words}" -- "$current")
        else
            mapfile -t COMPREPLY < <(compgen -W "{probe_targets}" -- "$current")
            compopt -o nospace
        fi
        return
    fi
    for ((index = 1; index < COMP_CWORD; index++)); do
        if [[ ${{COMP_WORDS[index]}} == -- ]]; then
            _command_offset $((index + 1))
            return
        fi
    done
    case $previous in
{cases}
        {valued}) return ;;
    esac
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "{words}" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -W "{verbs}" -c -- "$current")
    fi
}}
complete -F _pysupervise pysupervise
"""


@click.command(help="Print a completion script for SHELL: bash, zsh or fish.")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print a completion script."""
    click.echo(script(shell), nl=False)


def script(shell: str) -> str:
    """Return the completion script of a shell."""
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]()


def _bash() -> str:
    cases = []
    for option in OPTIONS:
        if option.choices:
            cases.append(
                f'        --{option.name}) mapfile -t COMPREPLY < <(compgen -W "{" ".join(option.choices)}" -- "$current"); return ;;'
            )
        elif option.name in FILES:
            cases.append(f'        --{option.name}) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;')
        elif option.name in DIRECTORIES:
            cases.append(f'        --{option.name}) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;')
    valued = "|".join(f"--{option.name}" for option in OPTIONS if _is_free(option))
    words = " ".join(f"--{option.name}" for option in (*OPTIONS, *QUESTIONS)) + " --"
    return BASH.format(
        cases="\n".join(cases),
        valued=valued,
        words=words,
        verbs=" ".join(VERBS),
        probe_valued="|".join(f"--{option.name}" for option in PROBE_OPTIONS if option.metavar),
        probe_words=" ".join(f"--{option.name}" for option in PROBE_OPTIONS),
        probe_targets=" ".join(PROBE_TARGETS),
    )


def _is_free(option: Option) -> bool:
    return bool(option.metavar) and not option.choices and option.name not in (*FILES, *DIRECTORIES)


def _zsh() -> str:
    lines = ["#compdef pysupervise", "# made by `pysupervise completion zsh`"]
    lines += ["if (( CURRENT > 2 )) && [[ $words[2] == probe ]]; then", "  shift words", "  (( CURRENT-- ))", "  _arguments -s -S \\"]
    lines += [f"  {line}" for line in _zsh_options(PROBE_OPTIONS)]
    lines += [f"    '*:target:compadd -S \"\" -- {' '.join(PROBE_TARGETS)}'", "  return", "fi"]
    lines += ["_arguments -s -S \\", *_zsh_options((*OPTIONS, *QUESTIONS)), "  '*::command: _normal'"]
    return "\n".join(lines) + "\n"


def _zsh_options(options: tuple[Option, ...]) -> list[str]:
    lines = []
    for option in options:
        text = option.help.replace("[", "(").replace("]", ")").replace(":", "\\:").replace("'", "'\\''")
        action = ""
        if option.metavar:
            values = f"({' '.join(option.choices)})" if option.choices else ""
            values = "_files" if option.name in FILES else "_files -/" if option.name in DIRECTORIES else values
            action = f":{option.metavar.replace('[', '(').replace(']', ')').replace(':', ' ')}:{values}"
        names = f"'{'*' if option.repeats else ''}--{option.name}{'=' if option.metavar else ''}"
        lines.append(f"  {names}[{text}]{action}' \\")
        if option.short:
            lines.append(f"  '{'*' if option.repeats else ''}-{option.short}[{text}]' \\")
    return lines


def _fish() -> str:
    in_probe = "-n '__fish_seen_subcommand_from probe'"
    outside = "-n 'not __fish_seen_subcommand_from probe'"
    lines = ["# made by `pysupervise completion fish`", f"complete -c pysupervise -f {outside} -a '(__fish_complete_subcommand)'"]
    lines += [f"complete -c pysupervise -n __fish_is_first_token -f -a {verb}" for verb in VERBS]
    lines += _fish_options(outside, (*OPTIONS, *QUESTIONS))
    lines.append(f"complete -c pysupervise {in_probe} -f -a '{' '.join(PROBE_TARGETS)}'")
    lines += _fish_options(in_probe, PROBE_OPTIONS)
    return "\n".join(lines) + "\n"


def _fish_options(condition: str, options: tuple[Option, ...]) -> list[str]:
    lines = []
    for option in options:
        line = f"complete -c pysupervise {condition} -l {option.name}" + (f" -s {option.short}" if option.short else "")
        if option.metavar:
            line += " -r" if option.name in (*FILES, *DIRECTORIES) else " -x"
            line += f" -a '{' '.join(option.choices)}'" if option.choices else ""
        text = option.help.replace("\\", "\\\\").replace("'", "\\'")
        lines.append(f"{line} -d '{text}'")
    return lines
