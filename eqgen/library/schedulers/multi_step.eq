scheduler MultiStep(eta0, gamma, milestones: 1 x M)
    "The learning rate is multiplied by gamma at every milestone."
    source  "Wesselink et al., appendix G"

    # The paper prints the exponent as the sum of floor(i / m_j), which counts the multiples of a milestone up to i.
    # Meant, and computed here, is the number of milestones up to i.
    eta(i) = eta0 * gamma^elements_sum(apply(m -> where(m <= i, 1, 0), milestones))
