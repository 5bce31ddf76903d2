"""Neural-network layers as equations: checked, then generated for several frameworks.

A definition flows once, left to right:

    language    .eq text              -> surface model, with the place of everything in the text
    algebra     surface model         -> typed definitions: names, shapes over symbolic sizes, operations of one table
                typed definitions     -> verdicts: proved for all sizes, checked at several, or refuted
    optimize    typed definitions     -> programs: functions as flat lists of statements
    backends    programs              -> text in the spelling of a target, placed in templates
                text                  -> a package on disk: formatted, compiled where need be, moved into place
    testing     packages              -> a table of verdicts: backends against each other and against the equations
    profiling   packages              -> the time of every equation of a training step, beside what the machine can do

The same from Python:

    eqgen.load("mine.eq")             definitions: look at them, check them, build packages from them
    eqgen.load("mine.eq").compile("numpy").SwishLayer
    eqgen.library()                   the definitions that come with eqgen

In a notebook `%load_ext eqgen` makes cells of definitions known, `%%eqgen` (eqgen.notebook).
"""

from typing import TYPE_CHECKING

from eqgen.api import Definition, Definitions, library, load, loads

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Definition", "Definitions", "library", "load", "loads"]


def load_ipython_extension(shell: "InteractiveShell") -> None:
    """What `%load_ext eqgen` calls: the cell magic `%%eqgen`."""
    from eqgen import notebook

    notebook.load_ipython_extension(shell)
