"""A verb's words before click reads them: what argparse, on which az is built, allows more.

Long flags may be cut to any prefix that no other flag shares; some flags take every word
up to the next flag; and the order of `--set`, `--add` and `--remove` counts.
"""

import json
from collections.abc import Collection, Sequence

import click

SET = "--set"
TAGS = "--tags"
# One hidden flag for all three, because click keeps no order between different flags.
CHANGE = "--change"
CHANGES = (SET, "--add", "--remove")


def spelled_out(args: Sequence[str], flags: Collection[str]) -> list[str]:
    """``args`` with each unique prefix of a long flag replaced by the flag.

    Args:
        flags: all that the verb takes.

    Raises:
        click.UsageError: a prefix that several share, in argparse's words.
    """
    return [_spelled_out(arg, flags) if arg.startswith("--") else arg for arg in args]


def repeated(args: Sequence[str]) -> list[str]:
    """`--set a=1 b=2` as `--set a=1 --set b=2`, and so with `--tags`."""
    result: list[str] = []
    for flag, words in _groups(args, (SET, TAGS)):
        result += [part for word in words for part in (flag, word)] if flag else words
        result += [flag] if flag and not words else []
    return result


def gathered(args: Sequence[str]) -> list[str]:
    """Each of `--set`, `--add` and `--remove` with its words as one `--change`, in their order."""
    result: list[str] = []
    for flag, words in _groups(args, CHANGES):
        result += [CHANGE, json.dumps([flag, *words])] if flag else words
    return result


def _spelled_out(arg: str, flags: Collection[str]) -> str:
    name, equals, value = arg.partition("=")
    if name in flags or len(name) <= len("--"):
        return arg
    matching = sorted(flag for flag in flags if flag.startswith(name))
    if len(matching) > 1:
        raise click.UsageError(f"ambiguous option: {name} could match {', '.join(matching)}")
    return f"{matching[0]}{equals}{value}" if matching else arg


def _groups(args: Sequence[str], flags: Collection[str]) -> list[tuple[str, list[str]]]:
    """Runs of words: those after one of ``flags``, and the others with an empty flag."""
    groups: list[tuple[str, list[str]]] = [("", [])]
    for arg in args:
        name, equals, value = arg.partition("=")
        if name in flags:
            groups.append((name, [value] if equals else []))
        elif arg.startswith("-") and groups[-1][0]:
            groups.append(("", [arg]))
        else:
            groups[-1][1].append(arg)
    return groups
