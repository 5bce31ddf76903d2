# Wesselink et al., appendix A.1: product rule and chain rule for vector functions.
#
# A jacobian at x depends on a function only through its value and its jacobian there. With a free vector a, a free
# matrix A and any function u of scalars, u(a + A x) takes any value with any jacobian: the rules are stated for it.

lemma product_rule_column(u, v) "eq. (18)"
    source  "Wesselink et al."

    x: P x 1
    a: N x 1
    A: N x P
    c: 1 x 1
    d: 1 x P
    let f = u(a + A * x)
    let g = v(c + d * x)
    jacobian(f * g, x) = jacobian(f, x) * g + f * jacobian(g, x)

lemma product_rule_row(u, v) "eq. (19)"
    source  "Wesselink et al."

    x: P x 1
    a: 1 x N
    A: N x P
    c: 1 x 1
    d: 1 x P
    let f = u(a + (A * x).T)
    let g = v(c + d * x)
    jacobian(f * g, x) = jacobian(f, x) * g + f.T * jacobian(g, x)

lemma product_rule_constant_left(u) "eq. (20)"
    source  "Wesselink et al."

    A: M x N
    x: P x 1
    b: N x 1
    B: N x P
    let g = u(b + B * x)
    jacobian(A * g, x) = A * jacobian(g, x)

lemma product_rule_constant_right(u) "eq. (21)"
    source  "Wesselink et al."

    A: M x N
    x: P x 1
    b: 1 x M
    B: M x P
    let f = u(b + (B * x).T)
    jacobian(f * A, x) = A.T * jacobian(f, x)

lemma chain_rule(u, v) "eq. (22)"
    source  "Wesselink et al."

    # The first line derives g by a free y, the second puts y = f(x) in.
    x: N x 1
    y, a: M x 1
    A: M x N
    b: P x 1
    B: P x M
    let f = u(a + A * x)
    jacobian(v(b + B * y), y) = Diag(v'(b + B * y)) * B
    jacobian(v(b + B * f), x) = Diag(v'(b + B * f)) * B * jacobian(f, x)

lemma chain_rule_rows(u, v) "eq. (22)"
    source  "Wesselink et al."

    # The same for row vectors.
    x: 1 x N
    y, a: 1 x M
    A: M x N
    b: 1 x P
    B: P x M
    let f = u(a + x * A.T)
    jacobian(v(b + y * B.T), y) = Diag(v'(b + y * B.T)) * B
    jacobian(v(b + f * B.T), x) = Diag(v'(b + f * B.T)) * B * jacobian(f, x)
