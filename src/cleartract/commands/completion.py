"""What completes `cleartract` in a shell: commands, options and their values; else names of files."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping
from typing import Any

from cleartract.errors import UsageError

_BASH = """# bash completion of cleartract
_cleartract() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words=""
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="{commands}"
    else
        case "${{COMP_WORDS[1]}} $before" in
{values}
            *) case "$cur" in -*) case "${{COMP_WORDS[1]}}" in
{options}
            esac;; esac;;
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -o default -F _cleartract cleartract
"""
_ZSH = """#compdef cleartract
_cleartract() {{
    local before=${{words[CURRENT-1]}} cur=${{words[CURRENT]}} offered=""
    if (( CURRENT == 2 )); then
        offered="{commands}"
    else
        case "${{words[2]}} $before" in
{values}
            *) case "$cur" in -*) case "${{words[2]}}" in
{options}
            esac;; esac;;
        esac
    fi
    if [[ -n $offered ]]; then compadd -- ${{=offered}}; else _files; fi
}}
if [[ $funcstack[1] == _cleartract ]]; then _cleartract "$@"; else compdef _cleartract cleartract; fi
"""
SHELLS = {"bash": (_BASH, "words"), "zsh": (_ZSH, "offered")}


def completion(shell: str, commands: Mapping[str, type]) -> str:
    """The script that a shell reads.

    Args:
        shell: `bash` or `zsh`.
        commands: By name.

    Raises:
        UsageError: If it is another shell.
    """
    if shell not in SHELLS:
        given = f"{shell!r} is not known" if shell else "no shell is given"
        raise UsageError(f"--completion: {given}; choose from: {', '.join(SHELLS)}")
    script, variable = SHELLS[shell]
    values, options = [], []
    for name, command in commands.items():
        actions = parser_of(command)._actions
        shown = [option for action in actions for option in action.option_strings]
        options.append(f'                {name}) {variable}="{" ".join(shown)}";;')
        for action in actions:
            if action.option_strings and action.choices:
                asked = "|".join(f'"{name} {option}"' for option in action.option_strings)
                chosen = " ".join(map(str, action.choices))
                values.append(f'            {asked}) {variable}="{chosen}";;')
    named = " ".join([*commands, "--help", "--version"])
    return script.format(commands=named, values="\n".join(values), options="\n".join(options))


def parser_of(command: type) -> argparse.ArgumentParser:
    """The parser of a command, as the command line builds it."""
    import tyro

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        parser: Any = tyro.extras.get_parser(command, config=(tyro.conf.FlagCreatePairsOff,))
    return parser  # tyro has a class of its own of the same form
