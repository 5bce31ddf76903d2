"""Single mistakes in the library's equations, as people make them: where each is, and what it is called."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One slip of the pen in a file of the library.

    file      below the library's folder, without the ending
    right     text of the file; the last place where it stands is changed
    wrong     what stands there instead
    target    the first wrong equation
    caret     the text under the caret
    mistakes  what the mistake may be called: more than one where two names are equally good
    """

    file: str
    right: str
    wrong: str
    target: str
    caret: str
    mistakes: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"{self.file.rsplit('/', 1)[-1]}: {self.wrong}"


def _mutants(file: str, *rows: tuple[str, ...]) -> tuple[Mutant, ...]:
    """Rows of (right, wrong, target, caret, mistakes ...)."""
    return tuple(Mutant(file, row[0], row[1], row[2], row[3], row[4:]) for row in rows)


SOFTMAX = "DY - column_repeat(diag(DY * Y.T), K)"
LOG_SOFTMAX = "DY - hadamard(softmax(Z), column_repeat(rows_sum(DY), K))"
BATCH = "(N * identity(N) - ones(N, N)) * DZ - hadamard(Z, row_repeat(diag(Z.T * DZ).T, N))"

MUTANTS: tuple[Mutant, ...] = (
    *_mutants(
        "layers/softmax",
        (SOFTMAX, "DY + column_repeat(diag(DY * Y.T), K)", "DZ", "+ column_repeat(diag(DY * Y.T), K)", "sign"),
        (SOFTMAX, "DY - row_repeat(diag(DY.T * Y).T, N)", "DZ", "row_repeat(diag(DY.T * Y).T, N)", "axis"),
        (SOFTMAX, "column_repeat(diag(DY * Y.T), K) - DY", "DZ", "column_repeat(diag(DY * Y.T), K) - DY",
         "operand order"),
        (SOFTMAX, "DY", "DZ", "DY", "missing term"),
        (SOFTMAX, "Y - column_repeat(diag(DY * Y.T), K)", "DZ", "Y", "wrong variable"),
        (SOFTMAX, "DY - column_repeat(diag(Y * Y.T), K)", "DZ", "Y", "wrong variable"),
        (SOFTMAX, "DY - 2 * column_repeat(diag(DY * Y.T), K)", "DZ", "2", "coefficient"),
        (SOFTMAX, "DY - column_repeat(diag(DY * Y.T), K) / K", "DZ", "/ K", "size factor"),
        (f"hadamard(Y, {SOFTMAX})", SOFTMAX, "DZ", SOFTMAX, "missing factor"),
        (f"hadamard(Y, {SOFTMAX})", f"hadamard(Z, {SOFTMAX})", "DZ", "Z", "wrong variable"),
        ("DZ.T * X", "DY.T * X", "DW", "DY", "wrong variable"),
        ("DZ.T * X", "DZ.T * X / N", "DW", "/ N", "size factor"),
        ("columns_sum(DZ)", "columns_mean(DZ)", "Db", "columns_mean(DZ)", "size factor"),
        ("DZ * W", "-(DZ * W)", "DX", "-(DZ * W)", "sign"),
    ),
    *_mutants(
        "layers/linear",
        ("DY.T * X", "2 * DY.T * X", "DW", "2", "coefficient"),
        ("DX = DY * W", "DX = Y * W", "DX", "Y", "wrong variable"),
    ),
    *_mutants(
        "layers/linear_dropout",
        ("hadamard(DY.T * X, R)", "DY.T * X", "DW", "DY.T * X", "missing factor"),
        ("DX = DY * hadamard(W, R)", "DX = DY * W", "DX", "W", "missing factor"),
        ("hadamard(DY.T * X, R)", "hadamard(DY.T * X, W)", "DW", "W", "wrong variable"),
    ),
    *_mutants(
        "layers/activation",
        ("hadamard(DY, act'(Z))", "DY", "DZ", "DY", "missing factor"),
        ("act'(Z)", "act(Z)", "DZ", "act(Z)", "wrong operation"),
        ("act'(Z)", "act'(Y)", "DZ", "Y", "wrong variable"),
    ),
    *_mutants(
        "layers/log_softmax",
        (LOG_SOFTMAX, "DY - hadamard(softmax(Z), row_repeat(columns_sum(DY), N))", "DZ",
         "row_repeat(columns_sum(DY), N)", "axis"),
        (LOG_SOFTMAX, "DY - column_repeat(rows_sum(DY), K)", "DZ", "column_repeat(rows_sum(DY), K)", "missing factor"),
        (LOG_SOFTMAX, "DY - hadamard(softmax(Z), column_repeat(rows_mean(DY), K))", "DZ", "rows_mean(DY)",
         "size factor"),
        (LOG_SOFTMAX, "DY - hadamard(softmax(Z), DY)", "DZ", "DY", "wrong expression"),
    ),
    *_mutants(
        "layers/batch_normalization",
        ("hadamard(row_repeat(gamma, N), DY)", "DY", "DZ", "DY", "missing factor"),
        ("hadamard(row_repeat(gamma, N), DY)", "hadamard(row_repeat(beta, N), DY)", "DZ", "beta", "wrong variable"),
        ("columns_sum(hadamard(DY, Z))", "columns_sum(hadamard(DY, Y))", "Dgamma", "Y", "wrong variable"),
        ("Dbeta  = columns_sum(DY)", "Dbeta  = columns_mean(DY)", "Dbeta", "columns_mean(DY)", "size factor"),
        ("inv_sqrt_Sigma / N", "inv_sqrt_Sigma / D", "DX", "D", "size factor"),
        (BATCH, BATCH.replace("N * identity(N)", "identity(N)"), "DX", "identity(N)", "size factor"),
        (BATCH, BATCH.replace("- ones", "+ ones"), "DX", "+ ones(N, N)", "sign"),
        (BATCH, BATCH.replace(" - ones(N, N)", ""), "DX", "(N * identity(N))", "missing term"),
        (BATCH, BATCH.replace("ones(N, N)", "identity(N)"), "DX", "identity(N)", "wrong operation"),
        (BATCH, BATCH.replace("diag(Z.T * DZ)", "diag(R.T * DZ)"), "DX", "R", "wrong variable"),
        (BATCH, BATCH.replace("DZ - hadamard", "DZ + hadamard"), "DX",
         "+ hadamard(Z, row_repeat(diag(Z.T * DZ).T, N))", "sign"),
    ),
    *_mutants(
        "layers/layer_normalization",
        ("column_repeat(diag(Z * DZ.T), D)", "row_repeat(diag(Z.T * DZ).T, N)", "DX",
         "row_repeat(diag(Z.T * DZ).T, N)", "axis"),
        ("hadamard(Z, column_repeat(diag(Z * DZ.T), D))", "column_repeat(diag(Z * DZ.T), D)", "DX",
         "column_repeat(diag(Z * DZ.T), D)", "missing factor"),
    ),
    *_mutants(
        "layers/srelu",
        ("z - tl, 0), Z)", "z, 0), Z)", "Dal", "z", "missing term"),
        ("where(z <= tl, 1 - al, 0)", "where(z <= tl, al - 1, 0)", "Dtl", "al - 1", "operand order"),
        ("where(z <= tl, 1 - al, 0)", "where(z > tl, 1 - al, 0)", "Dtl", "where(z > tl, 1 - al, 0)", "operand order",
         "wrong operation"),
        ("where(z < tr, 0, z - tr)", "where(z < tr, 0, z - tl)", "Dar", "tl", "wrong variable"),
        ("where(z < tr, 0, 1 - ar)", "where(z < tr, 0, 2 - ar)", "Dtr", "2", "coefficient"),
    ),
    *_mutants("layers/embedding", ("row_scatter_add(X, DY, V)", "2 * row_scatter_add(X, DY, V)", "DE", "2",
                                   "coefficient")),
    *_mutants(
        "losses/squared_error",
        ("2 * (Y - T)", "(Y - T)", "DY", "(Y - T)", "coefficient"),
        ("2 * (Y - T)", "2 * (T - Y)", "DY", "(T - Y)", "operand order"),
        ("2 * (Y - T)", "2 * Y", "DY", "Y", "missing term"),
    ),
    *_mutants(
        "losses/mean_squared_error",
        ("2 * (Y - T) / (K * N)", "2 * (Y - T) / N", "DY", "2 * (Y - T) / N", "size factor"),
        ("2 * (Y - T) / (K * N)", "2 * (Y - T) / (N * N)", "DY", "N", "size factor"),
        ("2 * (Y - T) / (K * N)", "(Y - T) / (K * N)", "DY", "(Y - T) / (K * N)", "coefficient"),
    ),
    *_mutants(
        "losses/cross_entropy",
        ("-xdivy(T, Y)", "xdivy(T, Y)", "DY", "xdivy(T, Y)", "sign"),
        ("-xdivy(T, Y)", "-xdivy(Y, T)", "DY", "xdivy(Y, T)", "operand order"),
    ),
    *_mutants(
        "losses/softmax_cross_entropy",
        ("column_repeat(rows_sum(T), K)", "row_repeat(columns_sum(T), N)", "DY", "row_repeat(columns_sum(T), N)",
         "axis"),
        ("DY = softmax(Y) - T", "DY = sigmoid(Y) - T", "DY when one_hot(T)", "sigmoid(Y)", "wrong operation"),
    ),
    *_mutants(
        "losses/sigmoid_binary_cross_entropy",
        ("sigmoid(Y) - T", "hadamard(sigmoid(Y) - T, sigmoid(Y))", "DY", "sigmoid(Y)", "extra factor"),
    ),
    *_mutants(
        "losses/logistic_cross_entropy",
        ("hadamard(T, sigmoid(Y)) - T", "hadamard(T, sigmoid(Y)) - T + Y", "DY", "+ Y", "extra term"),
    ),
    *_mutants(
        "activations/tanh",
        ("1 - tanh(x)^2", "1 - tanh(x)", "f'", "tanh(x)", "wrong operation", "missing factor"),
        ("1 - tanh(x)^2", "2 - tanh(x)^2", "f'", "2", "coefficient"),
    ),
    *_mutants(
        "activations/silu",
        ("(1 + x * (1 - sigmoid(x)))", "(1 + x)", "f'", "x", "missing factor"),
        ("(1 + x * (1 - sigmoid(x)))", "(x * (1 - sigmoid(x)))", "f'", "(x * (1 - sigmoid(x)))", "missing term"),
    ),
    *_mutants(
        "activations/gelu",
        ("x * exp(-x^2 / 2)", "x * exp(-x^2)", "f'", "-x^2", "coefficient"),
    ),
    *_mutants(
        "activations/relu",
        ("where(x < 0, 0, 1)", "where(x < 0, 1, 0)", "f'", "where(x < 0, 1, 0)", "operand order", "wrong operation"),
    ),
    *_mutants(
        "activations/elu",
        ("where(x < 0, alpha * exp(min(x, 0)), 1)", "where(x < 0, exp(min(x, 0)), 1)", "f'", "exp(min(x, 0))",
         "missing factor"),
    ),
)  # fmt: skip
