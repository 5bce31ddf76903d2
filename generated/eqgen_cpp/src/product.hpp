// Matrix products. Compiled once, in product.cpp, for float and double: by MKL where the build found it, else by Eigen.
#pragma once

#include "matrix.hpp"
#include "scalar.hpp"

namespace eqgen {

// A row-major matrix as a factor, transposed or not: made from `X` or `X.transpose()` without touching an entry.
template <class Scalar>
struct Factor {
    template <class Expression>
    Factor(const Eigen::MatrixBase<Expression>& matrix)
        : entries(matrix.derived().data()),
          rows(matrix.rows()),
          columns(matrix.cols()),
          transposed(!Expression::IsRowMajor) {}

    const Scalar* entries;
    Index rows, columns;  // after transposition
    bool transposed;
};

// C = alpha A B + beta C. With beta = 0 what stood in C does not count, not even NaN. Sizes may be 0. C may not overlap
// A or B. Throws std::length_error when a size exceeds what the BLAS can count.
template <class Scalar>
void gemm(As<Scalar> alpha, As<Factor<Scalar>> A, As<Factor<Scalar>> B, As<Scalar> beta, Matrix<Scalar> C);

extern template void gemm<float>(float, Factor<float>, Factor<float>, float, Matrix<float>);
extern template void gemm<double>(double, Factor<double>, Factor<double>, double, Matrix<double>);

}  // namespace eqgen
