// Matrix products. Compiled once, in product.cpp, for float and double: by kernels of its own for the shapes that suit
// them (packed_product.hpp), the others by the BLAS that the build chose, or by Eigen (library_product.hpp).
//
// product_epilogue is for products whose result is used once, entry by entry: the result is never stored.
#pragma once

#include "loops.hpp"
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
          stride(Expression::IsRowMajor ? matrix.cols() : matrix.rows()),
          transposed(!Expression::IsRowMajor) {}

    const Scalar* entries;
    Index rows, columns;  // after transposition
    Index stride;         // from one row of the matrix to the next, before transposition
    bool transposed;
};

// C = alpha A B + beta C. With beta = 0 what stood in C does not count, not even NaN. Sizes may be 0. C may not overlap
// A or B. Throws std::length_error when a size exceeds what the BLAS can count.
template <class Scalar>
void gemm(As<Scalar> alpha, As<Factor<Scalar>> A, As<Factor<Scalar>> B, As<Scalar> beta, Matrix<Scalar> C);

extern template void gemm<float>(float, Factor<float>, Factor<float>, float, Matrix<float>);
extern template void gemm<double>(double, Factor<double>, Factor<double>, double, Matrix<double>);

// A part of a product: `rows` x `columns` entries from (top, left) on, row i of it at entries + i * stride.
template <class Scalar>
struct Tile {
    Index top, left, rows, columns, stride;
    const Scalar* entries;
};

// Matrices of the shape of a product that are read or written where its entries are taken. They are fetched from memory
// while the entries before are computed; which ones are named makes no difference but in time.
template <class Scalar>
struct Near {
    static constexpr int most = 4;
    const Scalar* matrices[most];
    int count;
    Index stride;
};

// Calls `take(body, tile)` for tiles that make up the product A B, each entry in one of them; on several threads when
// it is worth their wake-up.
template <class Scalar>
void product_tiles(Factor<Scalar> A, Factor<Scalar> B, const Near<Scalar>& near,
                   void (*take)(const void*, const Tile<Scalar>&), const void* body);

extern template void product_tiles<float>(Factor<float>, Factor<float>, const Near<float>&,
                                          void (*)(const void*, const Tile<float>&), const void*);
extern template void product_tiles<double>(Factor<double>, Factor<double>, const Near<double>&,
                                           void (*)(const void*, const Tile<double>&), const void*);

// body(i, j, c) for every entry c of A B. As in `elementwise`, a body may read and write at its own position; it may
// write neither A nor B. `near` are matrices that it goes to.
template <class Scalar, class Body, class... Matrices>
void product_epilogue(As<Factor<Scalar>> A, As<Factor<Scalar>> B, const Body& body, const Matrices&... near) {
    const auto take = [](const void* b, const Tile<Scalar>& tile) {
        const Body& each = *static_cast<const Body*>(b);
        for (Index i = 0; i < tile.rows; ++i) {
            const Scalar* row = tile.entries + i * tile.stride;
#pragma omp simd
            for (Index j = 0; j < tile.columns; ++j) {
                each(tile.top + i, tile.left + j, row[j]);
            }
        }
    };
    Near<Scalar> fetched{{}, 0, B.columns};
    [[maybe_unused]] const auto add = [&](const Scalar* matrix) {
        bool is_new = fetched.count < Near<Scalar>::most;
        for (int m = 0; m < fetched.count; ++m) {
            is_new = is_new && fetched.matrices[m] != matrix;
        }
        if (is_new) {
            fetched.matrices[fetched.count++] = matrix;
        }
    };
    (add(near.data()), ...);
    product_tiles<Scalar>(A, B, fetched, take, &body);
}

}  // namespace eqgen
