# "Mathematical Foundations for Deep Neural Networks, part I". First what operations cost: a source names the section and
# what is printed there. Then what it says about losses, proven for all sizes.

function dot_product(x: 1 x n, y: 1 x n)
    source  "1.2: 2 n"

    = dot(x, y)

function entrywise_product(x: 1 x n, y: 1 x n)
    source  "1.2: n"

    = hadamard(x, y)

function outer_product(x: m x 1, y: n x 1)
    source  "1.2: m n"

    = x * y.T

function matrix_times_vector(A: m x n, x: n x 1)
    source  "1.3: 2 m n"

    = A * x

function matrix_product(A: m x n, B: n x p)
    source  "1.3: 2 m n p"

    = A * B

function transposed(A: m x n)
    source  "1.4: O(1)"

    = A.T

function euclidean_norm(x: 1 x n)
    source  "1.5: 2 n + 1"

    = sqrt(elements_sum(square(x)))

function frobenius_norm(W: m x n)
    source  "1.5: 2 m n + 1"

    = sqrt(elements_sum(square(W)))

function clipped(g: 1 x P, c)
    source  "1.5: 3 P"

    let factor = apply(s -> min(1, c / sqrt(s)), elements_sum(square(g)))
    = factor * g

function softmax_of_logits(z: 1 x C)
    source  "3.1: about 5 C"

    = softmax(z)

function fused_gradient(q: 1 x C, y: 1 x C)
    source  "3.3: C"

    = q - y

function entropy(p: 1 x C)
    source  "3.2: about 3 C"

    = -elements_sum(hadamard(p, log(p)))

function divergence(p: 1 x C, q: 1 x C)
    source  "3.2: about 5 C"

    = elements_sum(hadamard(p, log(p) - log(q)))

lemma cross_entropy_is_entropy_and_divergence "section 3.2, H(p, q) = H(p) + KL(p, q)"
    p, q: 1 x C positive
    -elements_sum(hadamard(p, log(q))) = entropy(p) + divergence(p, q)

lemma divergence_and_cross_entropy_have_one_gradient "section 3.2, minimizing one minimizes the other"
    p, q: 1 x C positive
    gradient(divergence(p, q), q) = -hadamard(p, reciprocal(q))
                                  = gradient(-elements_sum(hadamard(p, log(q))), q)

lemma divergence_from_itself "section 3.2, KL(p, p) = 0"
    p: 1 x C positive
    divergence(p, p) = zeros(1, 1)

lemma entropy_of_the_uniform_distribution "section 3.2, log C where p is 1 / C everywhere"
    z: 1 x C
    entropy(ones(1, C) / C) = log(elements_sum(ones(1, C)))

lemma softmax_and_cross_entropy "section 3.3, from C^2 entries of a jacobian to C"
    z, y: 1 x C
    assume  one_hot(y)
    let q = softmax(z)
    gradient(-log(y * q.T), z) = -hadamard(y, reciprocal(q)) * jacobian(q, z)
                               = fused_gradient(q, y)

lemma regularization "section 1.5, the gradient of the squared norm"
    W: M x N
    l: 1 x 1
    gradient(l / 2 * elements_sum(square(W)), W) = l * W
