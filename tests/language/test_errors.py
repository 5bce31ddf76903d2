"""Several errors in one run, each with the exact message that a person sees."""

from __future__ import annotations

import pytest

from eqgen.language import DiagnosticError, parse

BAD = """\
layer Softmax(a = 1, c)
    dims N, D, K
    input X N x D
    inptu Q: N x D
    param W: K D sparse
    param b: 1 x K = (0
    output Y: N x K sparze

    forward
        Z = X * W.T + row_repeat(b N)
        V = a < b < c
        U = x -> x
        R = (a * b)' + 3
        S = a +
            b
  backward
        DX = = b
leyer Foo
    X = 1]
loss L2
    L = "abc
    2 * L = 3
"""

MESSAGES = """\
bad.eq:1:22: error E022: `c` has no default but follows a parameter that has one
   1 | layer Softmax(a = 1, c)
     |                      ^
    hint: write the parameters without a default first, or give `c` a default

bad.eq:3:13: error E003: unexpected name `N`
   3 |     input X N x D
     |             ^
    expected: `=`, `:`, `~`, `,` or the end of the line
    hint: such a line reads: input X: N x D

bad.eq:4:5: error E023: unknown word `inptu` at the beginning of a line
   4 |     inptu Q: N x D
     |     ^^^^^
    hint: did you mean `input`?

bad.eq:5:16: error E003: unexpected name `D`
   5 |     param W: K D sparse
     |                ^
    expected: `x`
    hint: such a line reads: param W: K x D

bad.eq:6:22: error E004: `(` is never closed
   6 |     param b: 1 x K = (0
     |                      ^
    hint: close it on the same line, or indent the lines that continue the equation deeper than its beginning

bad.eq:7:21: error E019: unknown attribute `sparze`
   7 |     output Y: N x K sparze
     |                     ^^^^^^
    expected: sparse, positive or index

bad.eq:10:36: error E003: unexpected name `N`
  10 |         Z = X * W.T + row_repeat(b N)
     |                                    ^
    expected: an operator, `(`, `)` or `,`
    hint: arguments are separated by `,`, factors by `*`

bad.eq:11:19: error E017: a second comparison `<` in one expression
  11 |         V = a < b < c
     |                   ^
    hint: compare each pair: `(a < b) * (b < c)`, or `assume a < b, b < c`

bad.eq:12:15: error E016: a function outside of a call
  12 |         U = x -> x
     |               ^^
    hint: a function such as `x -> max(x, 0)` is written only as an argument, as in `apply(x -> max(x, 0), X)`

bad.eq:13:20: error E001: unexpected character `'`
  13 |         R = (a * b)' + 3
     |                    ^
    hint: a prime belongs to a name, as in `f'(x)`; the transpose of an expression is `.T`

bad.eq:14:16: error E002: the line ends too early
  14 |         S = a +
     |                ^
    expected: an expression
    hint: an equation goes on over several lines inside brackets

bad.eq:16:3: error E007: this indentation matches no line above
  16 |   backward
     |   ^^^^^^^^
    expected: 0, 4, 8 or 12 spaces
    hint: indent the lines of a block alike, with spaces only

bad.eq:17:14: error E003: unexpected `=`
  17 |         DX = = b
     |              ^
    expected: an expression

bad.eq:18:1: error E012: this is not the beginning of a definition
  18 | leyer Foo
     | ^^^^^^^^^
    expected: layer, activation, function, loss, optimizer, scheduler, initializer or lemma
    hint: did you mean `layer`?

bad.eq:19:10: error E005: `]` closes nothing
  19 |     X = 1]
     |          ^
    hint: remove it, or open the bracket

bad.eq:21:9: error E006: the string is not closed
  21 |     L = "abc
     |         ^^^^
    hint: strings end with `"` on their line

bad.eq:22:5: error E014: an equation cannot define this
  22 |     2 * L = 3
     |     ^^^^^
    expected: a name, or a function of names such as `f(x)`
    hint: write the name that is defined on the left of `=`"""


def test_every_error_of_a_file_is_reported() -> None:
    with pytest.raises(DiagnosticError) as caught:
        parse(BAD, "bad.eq")
    assert str(caught.value) == MESSAGES
