"""How `.eq` text may be spelled: the Greek alphabet, superscripts and the words that open a line.

Names become ASCII (`γ` is `gamma`, `DΣ` is `DSigma`), so that generated code can use them in every target language.
"""

from __future__ import annotations

import re
from typing import Final

_ALPHABET = {
    "αΑ": "alpha", "βΒ": "beta", "γΓ": "gamma", "δΔ": "delta", "εΕ": "epsilon", "ζΖ": "zeta", "ηΗ": "eta",
    "θΘ": "theta", "ιΙ": "iota", "κΚ": "kappa", "λΛ": "lambda", "μΜ": "mu", "νΝ": "nu", "ξΞ": "xi", "οΟ": "omicron",
    "πΠ": "pi", "ρΡ": "rho", "σΣ": "sigma", "τΤ": "tau", "υΥ": "upsilon", "φΦ": "phi", "χΧ": "chi", "ψΨ": "psi",
    "ωΩ": "omega",
}  # fmt: skip

GREEK: Final[dict[str, str]] = {
    **{letters[0]: name for letters, name in _ALPHABET.items()},
    **{letters[1]: name.capitalize() for letters, name in _ALPHABET.items()},
    # variant forms and look-alikes that keyboards and PDF readers produce
    "ϵ": "epsilon",
    "ϑ": "theta",
    "ϕ": "phi",
    "ς": "sigma",
    "\N{MICRO SIGN}": "mu",
    "\N{OHM SIGN}": "Omega",
    "\N{INCREMENT}": "Delta",
}

SUPERSCRIPTS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")

MINUS_SIGN: Final = "\N{MINUS SIGN}"

KINDS: Final = ("layer", "activation", "function", "loss", "optimizer", "scheduler", "initializer", "lemma")
ROLES: Final = ("input", "param", "output", "target", "state", "random")
OUTER_BLOCKS: Final = ("forward", "backward", "evaluate", "update")
BLOCKS: Final = (*OUTER_BLOCKS, "then")
ATTRIBUTES: Final = ("sparse", "positive", "index")
KEYWORDS: Final = (*ROLES, *BLOCKS, "source", "dims", "assume", "let", "stable", "when", "for", "printed", "use")

# An example of each line, shown when a line that begins with the word cannot be read.
USAGE: Final[dict[str, str]] = {
    **{kind: f"{kind} Name(parameter = 1)" for kind in KINDS},
    "input": "input X: N x D",
    "param": "param W: K x D",
    "output": "output Y: N x K",
    "target": "target T: N x K",
    "state": "state delta = 0",
    "random": "random R: K x D ~ bernoulli(1 - p)",
    "function": "function name(X: N x K)",
    "lemma": 'lemma name "eq. (13)"',
    "source": 'source "paper, equation"',
    "dims": "dims N, D, K",
    "assume": "assume x > 0",
    "let": "let e = exp(z)",
    "stable": "stable with Z = X - column_repeat(rows_max(X), K)",
    "when": "when one_hot(T)",
    "for": "for each row i",
    "printed": "printed refuted at M = 1, N = 2",
    "use": "use Linear(X, W, b) -> Z",
    **{block: f"{block} (alone on its line)" for block in BLOCKS},
}

_GREEK_LETTER = re.compile("[" + "".join(GREEK) + "]")
_DECORATED = re.compile(r"([⁺⁻]?)([⁰¹²³⁴⁵⁶⁷⁸⁹]+)\Z")


def ascii_name(name: str) -> str:
    """The identifier with Greek letters spelled out and `′` written as `'`."""
    return _GREEK_LETTER.sub(lambda match: GREEK[match.group()], str(name)).replace("\N{PRIME}", "'")


def superscript_value(text: str) -> tuple[bool, int]:
    """Whether a superscript such as `⁻¹` is negative, and its magnitude."""
    match = _DECORATED.match(text)
    assert match is not None, text  # the grammar admits nothing else
    return match.group(1) == "⁻", int(match.group(2).translate(SUPERSCRIPTS))
