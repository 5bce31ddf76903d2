"""What a reader of a cost report should know: how it counts, and where rules of thumb are rough.

The rules are those of "Mathematical Foundations for Deep Neural Networks, Part I"; docs/cost.md compares all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from eqgen.algebra.polynomial import Polynomial, limit_ratio
from eqgen.optimize.network_cost import Totals
from eqgen.optimize.program_cost import Work

CONVENTIONS = (
    "A product of m x n and n x p counts 2 m n p, a sum or maximum of n entries n (exactly: n - 1), an elementary "
    "function, a comparison or a choice 1 an entry. Transposes and repeats are views.",
    "Moved: entries read and written when operations are done one by one. At least: when each equation reads its "
    "operands once and writes its result. What runs lies between, the nearer to the second the more is fused.",
)

SPARSE = (
    "Dense and sparse are both as rewritten; nnz is the number of stored entries. A product with a sparse matrix "
    "counts 2 nnz for each column of its dense factor, a product of which nnz entries are needed 2 nnz for each of "
    "their terms.",
    "A pattern is read and stored in compressed rows: an index for each entry, a pointer for each row and one for the "
    "end, all of 32 bits (64 where sizes or nnz need them). Some packages keep it in compressed columns too, 2 nnz "
    "indices and a pointer for each column more.",
)


def ratio(numerator: Polynomial, denominator: Polynomial) -> str:
    """A quotient as text: a number, or the limit for sizes that grow together; "" where there is none."""
    if not denominator:
        return ""
    if not (numerator.names or denominator.names):
        return f"{numerator.value() / denominator.value():.4g}"
    limit = limit_ratio(numerator, denominator)
    return "" if limit is None else f"{float(limit):.4g} for large sizes"


def notes(totals: Totals, unbound: Sequence[str] = (), order: Sequence[str] = ()) -> list[str]:
    """The notes on a training step.

    unbound   layers with an activation that nobody has chosen
    """
    found = [*CONVENTIONS, *(SPARSE if totals.dense is not None else ())]
    forward, backward = totals.rewritten.get("forward"), totals.rewritten.get("backward")
    if forward and backward:
        found += _on_the_ratio(forward, backward, totals.input_gradient, order)
    found += [
        f"{layer}: the activation is not chosen and counts one operation an entry; `{layer}(...)` says which it is."
        for layer in unbound
    ]
    return found


def _on_the_ratio(forward: Work, backward: Work, input_gradient: Polynomial, order: Sequence[str]) -> list[str]:
    whole, products = ratio(backward.flops, forward.flops), ratio(backward.products, forward.products)
    if not whole:
        return [f"Backward / forward is {products} in the products alone."] if products else []
    if not products:
        return [f"Backward / forward is {whole}. The rule that it is 2 counts products, and here are none."]
    found = [
        f"Backward / forward is {whole}, in the products alone {products}. The rule that it is 2 counts two products "
        "in the backward pass for each of the forward pass, and nothing else."
    ]
    if input_gradient:
        found.append(
            f"Nobody reads the gradient of the first layer's input: {_amount(input_gradient, order)} FLOPs. Without it "
            f"backward / forward is {ratio(backward.flops - input_gradient, forward.flops)}."
        )
    return found


def _amount(value: Polynomial, order: Sequence[str]) -> str:
    return value.text(order) if value.names else f"{value.value():,}"
