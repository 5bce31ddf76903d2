#if !defined(EQGEN_MKL) && defined(__GNUC__) && !defined(__clang__)
// GCC 12 finds fault with its own AVX-512 header when Eigen's packing is inlined (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "product.hpp"

#ifdef EQGEN_MKL
#include <mkl_cblas.h>
#endif

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace eqgen {
namespace {

#ifdef EQGEN_MKL

void blas(CBLAS_TRANSPOSE a, CBLAS_TRANSPOSE b, int m, int n, int k, float alpha, const float* A, int lda,
          const float* B, int ldb, float beta, float* C) {
    cblas_sgemm(CblasRowMajor, a, b, m, n, k, alpha, A, lda, B, ldb, beta, C, n);
}

void blas(CBLAS_TRANSPOSE a, CBLAS_TRANSPOSE b, int m, int n, int k, double alpha, const double* A, int lda,
          const double* B, int ldb, double beta, double* C) {
    cblas_dgemm(CblasRowMajor, a, b, m, n, k, alpha, A, lda, B, ldb, beta, C, n);
}

int blas_size(Index size) {
    if (size > std::numeric_limits<int>::max()) {
        throw std::length_error("matrix product: a size exceeds 2^31 - 1, the largest that the BLAS can count");
    }
    return static_cast<int>(size);
}

template <class Scalar>
void multiply(Scalar alpha, const Factor<Scalar>& A, const Factor<Scalar>& B, Scalar beta, Matrix<Scalar> C) {
    blas(A.transposed ? CblasTrans : CblasNoTrans, B.transposed ? CblasTrans : CblasNoTrans, blas_size(C.rows()),
         blas_size(C.cols()), blas_size(A.columns), alpha, A.entries, blas_size(A.stride), B.entries,
         blas_size(B.stride), beta, C.data());
}

#else

template <class Scalar>
void multiply(Scalar alpha, const Factor<Scalar>& A, const Factor<Scalar>& B, Scalar beta, Matrix<Scalar> C) {
    using Stride = Eigen::OuterStride<>;
    using Direct = Eigen::Map<const Plain<Scalar>, Eigen::Unaligned, Stride>;
    using Transposed = Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>,
                                  Eigen::Unaligned, Stride>;
    if (beta == 0) {
        C.setZero();
    } else if (beta != 1) {
        C *= beta;
    }
    const auto add = [&](const auto& a, const auto& b) { C.noalias() += alpha * a * b; };
    const auto with = [&](const auto& a) {
        if (B.transposed) {
            add(a, Transposed(B.entries, B.rows, B.columns, Stride(B.stride)));
        } else {
            add(a, Direct(B.entries, B.rows, B.columns, Stride(B.stride)));
        }
    };
    if (A.transposed) {
        with(Transposed(A.entries, A.rows, A.columns, Stride(A.stride)));
    } else {
        with(Direct(A.entries, A.rows, A.columns, Stride(A.stride)));
    }
}

#endif

// Whatever the sizes: a leading dimension of 0 is no valid argument of a BLAS.
template <class Scalar>
void product(Scalar alpha, const Factor<Scalar>& A, const Factor<Scalar>& B, Scalar beta, Matrix<Scalar> C) {
    if (C.size() == 0) {
        return;
    }
    if (A.columns != 0) {
        multiply<Scalar>(alpha, A, B, beta, C);
    } else if (beta == 0) {
        C.setZero();
    } else {
        C *= beta;
    }
}

constexpr Index block_bytes = 256 * 1024;  // of a product that is taken in parts: what a second-level cache holds

}  // namespace

template <class Scalar>
void gemm(As<Scalar> alpha, As<Factor<Scalar>> A, As<Factor<Scalar>> B, As<Scalar> beta, Matrix<Scalar> C) {
    if (A.columns != B.rows || A.rows != C.rows() || B.columns != C.cols()) {
        throw std::invalid_argument("matrix product: the sizes of the operands do not fit");
    }
    product<Scalar>(alpha, A, B, beta, C);
}

template <class Scalar>
void product_tiles(Factor<Scalar> A, Factor<Scalar> B, void (*take)(const void*, const Tile<Scalar>&),
                   const void* body) {
    if (A.columns != B.rows) {
        throw std::invalid_argument("matrix product: the sizes of the operands do not fit");
    }
    if (A.rows == 0 || B.columns == 0) {
        return;
    }
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

template void product_tiles<float>(Factor<float>, Factor<float>, void (*)(const void*, const Tile<float>&),
                                   const void*);
template void product_tiles<double>(Factor<double>, Factor<double>, void (*)(const void*, const Tile<double>&),
                                    const void*);

template void gemm<float>(float, Factor<float>, Factor<float>, float, Matrix<float>);
template void gemm<double>(double, Factor<double>, Factor<double>, double, Matrix<double>);

}  // namespace eqgen
