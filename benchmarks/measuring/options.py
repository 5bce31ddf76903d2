"""What the command lines of the benchmarks have in common."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path


def say(text: str) -> None:
    """Progress, beside the tables on standard output."""
    print(text, file=sys.stderr, flush=True)


def add_common(parser: argparse.ArgumentParser, several: Mapping[str, Iterable[str]], peers: str) -> None:
    """`--threads`, `--peers`, `--quick`, `--json`, and an option for each list of names, by default all of them."""
    for option, known in several.items():
        parser.add_argument(f"--{option}", default=",".join(known), help=f"default: {','.join(known)}")
    parser.add_argument("--threads", type=int, default=2, help="of every contestant (default: 2)")
    parser.add_argument("--peers", type=Path, nargs="*", default=[], help=f"folders with {peers}")
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds: to try it, not to measure")
    parser.add_argument("--json", type=Path, help="write every single figure into this file")


def split_names(
    parser: argparse.ArgumentParser, options: argparse.Namespace, several: Mapping[str, Iterable[str]]
) -> None:
    """Turn each of those options into a list; exit code 2 for unknown names, and for `--write` without everybody."""
    for option, known in several.items():
        names = [name for name in getattr(options, option).split(",") if name]
        if unknown := set(names) - set(known):
            parser.error(f"--{option}: there is no {', '.join(sorted(unknown))}; expected some of {', '.join(known)}")
        complete = option == "sections" or set(names) == set(known)
        if options.write and (not complete or options.quick):
            parser.error("--write: only full runs of everybody belong into the document")
        setattr(options, option, names)
