// Rows and columns picked by number, and the sums that are the adjoint of picking.
#pragma once

#include <stdexcept>
#include <string>

#include "loops.hpp"

namespace eqgen {

// Throws std::out_of_range unless 0 <= index(k) < size for all k: called before an entry is read or written.
inline void check_indices(Indices index, Index size) {
    for (Index k = 0; k < index.size(); ++k) {
        if (index(k) < 0 || index(k) >= size) {
            throw std::out_of_range("index " + std::to_string(index(k)) + " at position " + std::to_string(k) +
                                    " is not between 0 and " + std::to_string(size - 1));
        }
    }
}

// Y (M x n): row i is row index(i) of X; index is M x 1.
template <class Scalar>
void row_gather(As<ConstMatrix<Scalar>> X, Indices index, Matrix<Scalar> Y) {
    check_indices(index, X.rows());
    elementwise(Y.rows(), Y.cols(), [&](Index i, Index j) { Y(i, j) = X(index(i), j); });
}

// Y (m x M): column j is column index(j) of X; index is 1 x M.
template <class Scalar>
void column_gather(As<ConstMatrix<Scalar>> X, Indices index, Matrix<Scalar> Y) {
    check_indices(index, X.cols());
    elementwise(Y.rows(), Y.cols(), [&](Index i, Index j) { Y(i, j) = X(i, index(j)); });
}

// Y (m x n): row v is the sum of the rows of G whose index is v. Threads share the columns, so that repeated indices do
// not meet and the sums have one order.
template <class Scalar>
void row_scatter_add(Indices index, As<ConstMatrix<Scalar>> G, Matrix<Scalar> Y) {
    check_indices(index, Y.rows());
    Y.setZero();
    parallel_for(Y.cols(), G.rows(), [&](Index begin, Index end) {
        for (Index i = 0; i < G.rows(); ++i) {
            const Index row = index(i);
#pragma omp simd
            for (Index j = begin; j < end; ++j) {
                Y(row, j) += G(i, j);
            }
        }
    });
}

// Y (m x n): column v is the sum of the columns of G whose index is v.
template <class Scalar>
void column_scatter_add(Indices index, As<ConstMatrix<Scalar>> G, Matrix<Scalar> Y) {
    check_indices(index, Y.cols());
    Y.setZero();
    parallel_for(Y.rows(), G.cols(), [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) {
            for (Index j = 0; j < G.cols(); ++j) {
                Y(i, index(j)) += G(i, j);
            }
        }
    });
}

}  // namespace eqgen
