optimizer GradientDescent
    "A step against the gradient."
    source  "Wesselink et al., appendix F"

    theta' = theta - eta * Dtheta
