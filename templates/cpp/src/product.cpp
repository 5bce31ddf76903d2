#include "product.hpp"

#include <algorithm>
#include <stdexcept>

#include "library_product.hpp"
#include "packed_product.hpp"

namespace eqgen {
namespace {

template <class Scalar>
void check_sizes(const Factor<Scalar>& A, const Factor<Scalar>& B) {
    if (A.columns != B.rows) {
        throw std::invalid_argument("matrix product: the sizes of the operands do not fit");
    }
}

// Whatever the sizes: a leading dimension of 0 is no valid argument of a BLAS.
template <class Scalar>
void product(Scalar alpha, const Factor<Scalar>& A, const Factor<Scalar>& B, Scalar beta, Matrix<Scalar> C) {
    if (C.size() == 0) {
        return;
    }
    if (A.columns == 0) {
        if (beta == 0) {
            C.setZero();
        } else {
            C *= beta;
        }
        return;
    }
#ifdef EQGEN_LANES
    if (suits_lanes(A, B)) {
        return lanes_product<Scalar>(alpha, A, B, beta, C);
    }
#endif
#ifdef EQGEN_TILES
    if (suits_tiles(A, B)) {
        return tiled_product<Scalar>(alpha, A, B, beta, C);
    }
#endif
    library_product<Scalar>(alpha, A, B, beta, C);
}

constexpr Index block_bytes = 256 * 1024;  // of a product that is taken in parts: what a second-level cache holds

}  // namespace

template <class Scalar>
void gemm(As<Scalar> alpha, As<Factor<Scalar>> A, As<Factor<Scalar>> B, As<Scalar> beta, Matrix<Scalar> C) {
    check_sizes(A, B);
    if (A.rows != C.rows() || B.columns != C.cols()) {
        throw std::invalid_argument("matrix product: the sizes of the operands do not fit the result's");
    }
    product<Scalar>(alpha, A, B, beta, C);
}

template <class Scalar>
void product_tiles(Factor<Scalar> A, Factor<Scalar> B, const Near<Scalar>& near,
                   void (*take)(const void*, const Tile<Scalar>&), const void* body) {
    check_sizes(A, B);
    if (A.rows == 0 || B.columns == 0) {
        return;
    }
    static_cast<void>(near);  // by the tiles of EQGEN_TILES alone
#ifdef EQGEN_TILES
    if (suits_tiles(A, B)) {
        return each_tile<Scalar>(1, A, B, near, [&](const Tile<Scalar>& tile) { take(body, tile); });
    }
#endif
    // Rows that are computed together: few enough to stay in the cache until they are taken.
    const Index fitting = block_bytes / Index{sizeof(Scalar)} / B.columns;
    const Index block = std::min(A.rows, std::max<Index>(64, fitting));
    Workspace workspace;
    Matrix<Scalar> C = workspace.matrix<Scalar>(block, B.columns);
    for (Index top = 0; top < A.rows; top += block) {
        Factor<Scalar> part = A;
        part.rows = std::min(block, A.rows - top);
        part.entries += A.transposed ? top : top * A.stride;
        product<Scalar>(1, part, B, 0, Matrix<Scalar>(C.data(), part.rows, B.columns));
        parallel_for(part.rows, B.columns, [&](Index begin, Index end) {
            take(body, {top + begin, 0, end - begin, B.columns, B.columns, C.data() + begin * B.columns});
        });
    }
}

template void product_tiles<float>(Factor<float>, Factor<float>, const Near<float>&,
                                   void (*)(const void*, const Tile<float>&), const void*);
template void product_tiles<double>(Factor<double>, Factor<double>, const Near<double>&,
                                    void (*)(const void*, const Tile<double>&), const void*);

template void gemm<float>(float, Factor<float>, Factor<float>, float, Matrix<float>);
template void gemm<double>(double, Factor<double>, Factor<double>, double, Matrix<double>);

}  // namespace eqgen
