"""Which outputs may take the place of an input: decided on printed statements, and true when they run."""

from __future__ import annotations

import pytest

from eqgen.backends.in_place import replaceable, split_statements
from tests.backends.native_sample import KERNELS, kernel

SHAPES = "X: M N, Y: M N, b: 1 N -> Z: M N"


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (["elementwise(M * N, [&](Index k) { Z(k) = X(k) + Y(k); });"], "XY"),
        (["elementwise(M, N, [&](Index i, Index j) { Z(i, j) = X(i, j) * b(j) - Y(i, j); });"], "XY"),
        (["elementwise(M, N, [&](Index i, Index j) { Z(i, j) = X(i, j) * Y(j, i); });"], "X"),
        (["elementwise(M * N, [&](Index k) {", "    const Scalar x = X(k);", "    Z(k) = x * Y(k);", "});"], "XY"),
        (["elementwise(M * N, [&](Index k) { Z(k) = X(k); Z(k) = Z(k) + Y(k); });"], "X"),
        (["elementwise(M * N, [&](Index k) { Z(k) = X(0); });"], "Y"),
        (["gemm(1, X, W, 0, Z);"], "Y"),
        (["gemm(1, A, B, 0, Z);", "elementwise(M * N, [&](Index k) { Z(k) = Z(k) + X(k); });"], "Y"),
        (["apply(act, X, Z);"], "Y"),
        (["elementwise(M * N, [&](Index k) { t(k) = X(k); });", "// X is read no more", "gemm(1, t, B, 0, Z);"], "XY"),
        (["row_gather(X, Y, Z);"], ""),
        (["elementwise(M * N, [&](Index k) { Z(k) = XX(k) + X2(k); });"], "XY"),
    ],
)
def test_what_may_be_replaced(statements: list[str], expected: str) -> None:
    assert replaceable(kernel("f", "M N", SHAPES, *statements)) == {"Z": tuple(expected)}


def test_states_are_updated_in_place_but_not_crosswise() -> None:
    update = kernel(
        "momentum",
        "M N",
        "theta: M N, Dtheta: M N, delta: M N, eta, mu -> theta_new: M N, delta_new: M N",
        "// delta' = mu * delta - eta * Dtheta",
        "elementwise(M * N, [&](Index k) { delta_new(k) = mu * delta(k) - eta * Dtheta(k); });",
        "// theta' = theta + delta'",
        "elementwise(M * N, [&](Index k) { theta_new(k) = theta(k) + delta_new(k); });",
    )
    assert replaceable(update) == {"theta_new": ("theta", "Dtheta", "delta"), "delta_new": ("Dtheta", "delta")}


def test_an_update_over_a_product_takes_the_place_of_what_it_updates_but_not_of_the_factors() -> None:
    update = kernel(
        "momentum",
        "M N",
        "theta: M M, A: M M, B: M M, delta: M M, eta, mu -> theta_new: M M, delta_new: M M",
        "// Dtheta = A.T * B",
        "product_epilogue<Scalar>(A.transpose(), B, [&](Index i, Index j, Scalar Dtheta) {",
        "    // delta' = mu * delta - eta * Dtheta",
        "    const Scalar delta_new_ij = mu * delta(i, j) - eta * Dtheta;",
        "    // theta' = theta + delta'",
        "    theta_new(i, j) = theta(i, j) + delta_new_ij;",
        "    delta_new(i, j) = delta_new_ij;",
        "}, theta, delta, theta_new, delta_new);",
    )
    assert replaceable(update) == {"theta_new": ("theta", "delta"), "delta_new": ("theta", "delta")}


def test_statements_end_outside_of_brackets() -> None:
    lines = ["// a; b", "f([&](Index k) { x(k) = 1; y(k) = 2; });", "g(a,", "  b);  // and; more", "h(1)"]
    assert list(split_statements(lines)) == ["f([&](Index k) { x(k) = 1; y(k) = 2; });", "g(a,\n  b);", "h(1)"]


def test_the_kernels_of_the_sample() -> None:
    found = {k.name: replaceable(k) for k in KERNELS}
    assert found["axpy"] == {"Z": ("X", "Y")}
    assert found["extremes"] == {"L": (), "S": ("X", "Y")}
    assert found["activated"] == {"Y": (), "D": ()}
