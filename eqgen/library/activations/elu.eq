activation ELU(alpha = 1)
    "Exponential linear unit."
    source  "Clevert et al. (2016)"

    # Both branches are computed: min(x, 0) keeps the exponential from overflowing where x is taken.
    f(x)  = where(x < 0, alpha * expm1(min(x, 0)), x)
    f'(x) = where(x < 0, alpha * exp(min(x, 0)), 1)
