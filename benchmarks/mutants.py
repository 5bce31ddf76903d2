"""All single slips in the library's equations: how many are refuted, how many change nothing, and that none is missed.

Takes some minutes. Exit code 1 when a mutant is missed or undecided.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections import Counter

from eqgen.algebra.library import library
from eqgen.testing.proof_mutants import Outcome, outcome, proof_mutants

COLUMNS: tuple[Outcome, ...] = ("refuted", "equal", "undefined", "missed", "undecided")
MUTANTS = [(d.kind, m) for d in library().definitions for m in proof_mutants(d)]


def judged(position: int) -> Outcome:
    return outcome(MUTANTS[position][1], library())


def main() -> int:
    started = time.perf_counter()
    processes = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    counts: dict[str, Counter[str]] = {}
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        for position, found in enumerate(pool.imap(judged, range(len(MUTANTS)), chunksize=16)):
            kind, mutant = MUTANTS[position]
            counts.setdefault(kind, Counter())[found] += 1
            if found in ("missed", "undecided"):
                print(f"{found}: {mutant.name}")
    print(f"{'':<12}" + "".join(f"{column:>11}" for column in ("mutants", *COLUMNS)))
    total: Counter[str] = Counter()
    for kind, count in counts.items():
        total += count
        print(f"{kind:<12}" + "".join(f"{n:>11}" for n in (count.total(), *(count[c] for c in COLUMNS))))
    print(f"{'all':<12}" + "".join(f"{n:>11}" for n in (total.total(), *(total[c] for c in COLUMNS))))
    print(f"{time.perf_counter() - started:.0f} s on {processes} processors")
    return 1 if total["missed"] or total["undecided"] else 0


if __name__ == "__main__":
    sys.exit(main())
