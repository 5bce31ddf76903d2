# Wesselink et al., appendix D: loss functions and their gradients, for one example and for batches.

lemma squared_error_vector "eq. (44)"
    source  "Wesselink et al."

    y, t: 1 x K
    gradient((y - t) * (y - t).T, y) = 2 * (y - t)

lemma squared_error_batch "eq. (44)"
    source  "Wesselink et al."

    Y, T: N x K
    let L = ones(1, N) * hadamard(Y - T, Y - T) * ones(K, 1)
    L = elements_sum(hadamard(Y - T, Y - T))
    gradient(L, Y) = 2 * (Y - T)

lemma mean_squared_error "appendix D"
    source  "Wesselink et al."

    Y, T: N x K
    gradient(elements_sum(hadamard(Y - T, Y - T)) / (K * N), Y) = 2 * (Y - T) / (K * N)

lemma cross_entropy_vector "eqs. (45), (49)"
    source  "Wesselink et al."

    y: 1 x K positive
    t: 1 x K
    gradient(-(t * log(y).T), y) = -t * Diag(reciprocal(y))
                                 = -hadamard(t, reciprocal(y))

lemma cross_entropy_batch "eq. (45)"
    source  "Wesselink et al."

    Y: N x K positive
    T: N x K
    let L = -(ones(1, N) * hadamard(T, log(Y)) * ones(K, 1))
    L = -elements_sum(xlogy(T, Y))
    gradient(L, Y) = -hadamard(T, reciprocal(Y))
                   = -xdivy(T, Y)

lemma softmax_cross_entropy_vector "eqs. (46), (50)"
    source  "Wesselink et al."

    y, t: 1 x K
    gradient(-(t * log_softmax(y).T), y) = -t * jacobian(log_softmax(y), y)
                                         = -t * (identity(K) - ones(K, 1) * softmax(y))
                                         = t * ones(K, 1) * softmax(y) - t

lemma softmax_cross_entropy_vector_one_hot "eq. (50), one-hot targets"
    source  "Wesselink et al."

    y, t: 1 x K
    assume  one_hot(t)
    t * ones(K, 1) = 1
    gradient(-(t * log_softmax(y).T), y) = softmax(y) - t

lemma softmax_cross_entropy_rows_to_batch "eq. (46), from (50) by (28)"
    source  "Wesselink et al."

    Y, T, DY: N x K
    for each row i
        Dy_i = t_i * ones(K, 1) * softmax(y_i) - t_i
    then
        DY = hadamard(softmax(Y), T * ones(K, 1) * ones(1, K)) - T

lemma softmax_cross_entropy_batch "eq. (46)"
    source  "Wesselink et al."

    Y, T: N x K
    let L = -(ones(1, N) * hadamard(T, log_softmax(Y)) * ones(K, 1))
    gradient(L, Y) = hadamard(softmax(Y), T * ones(K, 1) * ones(1, K)) - T

lemma softmax_cross_entropy_batch_one_hot "eq. (46), one-hot targets"
    source  "Wesselink et al."

    Y, T: N x K
    assume  one_hot(T)
    gradient(-elements_sum(hadamard(T, log_softmax(Y))), Y) = softmax(Y) - T

lemma logistic_cross_entropy_vector "eq. (47)"
    source  "Wesselink et al."

    y, t: 1 x K
    gradient(-(t * log(sigmoid(y)).T), y) = -t * jacobian(log(sigmoid(y)), y)
                                          = -t * Diag(ones(1, K) - sigmoid(y))
                                          = hadamard(t, sigmoid(y)) - t

lemma logistic_cross_entropy_batch "eq. (47)"
    source  "Wesselink et al."

    Y, T: N x K
    let L = -(ones(1, N) * hadamard(T, log(sigmoid(Y))) * ones(K, 1))
    L = -elements_sum(hadamard(T, log_sigmoid(Y)))
    gradient(L, Y) = hadamard(T, sigmoid(Y)) - T

lemma logarithm_of_sigmoid "appendix D.1, logistic cross-entropy loss"
    source  "Wesselink et al."

    t: 1 x 1
    jacobian(log(sigmoid(t)), t) = sigmoid(t) * (1 - sigmoid(t)) / sigmoid(t)
                                 = 1 - sigmoid(t)

lemma negative_log_likelihood_vector "eq. (48)"
    source  "Wesselink et al."

    y, t: 1 x K positive
    gradient(-log(y * t.T), y) = -(1 / (y * t.T)) * t

lemma negative_log_likelihood_batch "eq. (48)"
    source  "Wesselink et al."

    # (48) leaves the factor 1_Kᵀ out: an N x 1 times an N x K matrix, entry by entry.
    Y, T: N x K positive
    let L = -(ones(1, N) * log(hadamard(Y, T) * ones(K, 1)))
    gradient(L, Y) = -hadamard(reciprocal(hadamard(Y, T) * ones(K, 1)) * ones(1, K), T)
    printed ill-shaped unless K = 1
        gradient(L, Y) = -hadamard(reciprocal(hadamard(Y, T) * ones(K, 1)), T)
