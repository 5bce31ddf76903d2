optimizer ClipByValue(c)
    "Limits every entry of the gradient to [-c, c]."
    source  "Mikolov (2012)"

    Dtheta' = min(max(Dtheta, -c), c)
