optimizer ClipByNorm(c)
    "Shortens a gradient whose Euclidean norm exceeds c to length c."
    source  "Pascanu et al. (2013), algorithm 1, for every parameter on its own"

    norm    = sqrt(elements_sum(Dtheta^2))
    Dtheta' = c / max(norm, c) * Dtheta  # a gradient 0 stays 0
