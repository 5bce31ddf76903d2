optimizer RMSProp(rho = 0.99, epsilon = 1e-8)
    "Steps scaled by a running mean of the squared gradient."
    source  "Tieleman and Hinton (2012); epsilon stands outside of the root, as in PyTorch"

    state   v = 0
    v'     = rho * v + (1 - rho) * Dtheta^2
    theta' = theta - eta * Dtheta / (sqrt(v') + epsilon)
