// Matrix products by a library: the BLAS that the build chose, else Eigen.
#pragma once

#include "product.hpp"

namespace eqgen {

// C = alpha A B + beta C, as `gemm`, whose checks it leaves out; no size is 0.
template <class Scalar>
void library_product(Scalar alpha, const Factor<Scalar>& A, const Factor<Scalar>& B, Scalar beta, Matrix<Scalar> C);

extern template void library_product<float>(float, const Factor<float>&, const Factor<float>&, float, Matrix<float>);
extern template void library_product<double>(double, const Factor<double>&, const Factor<double>&, double,
                                             Matrix<double>);

}  // namespace eqgen
