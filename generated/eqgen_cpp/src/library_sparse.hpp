// Products of sparse matrices by a library: MKL's inspector-executor sparse BLAS, where it is linked. It has no A B' at
// the positions of a pattern, and its S' B is slow, so S B is all that it is used for.
#pragma once

#include "sparse.hpp"

namespace eqgen {

// Whether the library can multiply S by operands of `width` columns.
bool suits_sparse_library(const Pattern& S, Index width);

// C (K x n) = S B for B (D x n), on as many threads as the library has. Throws std::runtime_error when it refuses.
template <class Scalar>
void library_sparse_product(As<ConstMatrix<Scalar>> values, const Pattern& S, As<ConstMatrix<Scalar>> B,
                            Matrix<Scalar> C);

}  // namespace eqgen
