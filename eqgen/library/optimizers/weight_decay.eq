optimizer WeightDecay(decay)
    "Adds the gradient of decay / 2 times the squared weights."
    source  "Krogh and Hertz (1991)"

    Dtheta' = Dtheta + decay * theta
