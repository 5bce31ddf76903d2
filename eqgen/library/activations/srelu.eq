activation SReLU(al = 0, tl = 0, ar = 0, tr = 1)
    "S-shaped ReLU: slope al up to tl, slope 1 between the thresholds, slope ar from tr on."
    source  "Jin et al. (2016)"

    f(x)  = where(x <= tl, tl + al * (x - tl), where(x < tr, x, tr + ar * (x - tr)))
    f'(x) = where(x <= tl, al, where(x < tr, 1, ar))
