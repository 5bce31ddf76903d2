#if !defined(EQGEN_BLAS) && defined(__GNUC__) && !defined(__clang__)
// GCC 12 finds fault with its own AVX-512 header when Eigen's packing is inlined (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "library_product.hpp"

#include <limits>
#include <stdexcept>

#include "blas.hpp"

namespace eqgen {
#ifdef EQGEN_BLAS
namespace {

void blas(CBLAS_TRANSPOSE a, CBLAS_TRANSPOSE b, int m, int n, int k, float alpha, const float* A, int lda,
          const float* B, int ldb, float beta, float* C) {
    const auto multiply = EQGEN_BLAS_FUNCTION(cblas_sgemm);
    multiply(CblasRowMajor, a, b, m, n, k, alpha, A, lda, B, ldb, beta, C, n);
}

void blas(CBLAS_TRANSPOSE a, CBLAS_TRANSPOSE b, int m, int n, int k, double alpha, const double* A, int lda,
          const double* B, int ldb, double beta, double* C) {
    const auto multiply = EQGEN_BLAS_FUNCTION(cblas_dgemm);
    multiply(CblasRowMajor, a, b, m, n, k, alpha, A, lda, B, ldb, beta, C, n);
}

int blas_size(Index size) {
    if (size > std::numeric_limits<int>::max()) {
        throw std::length_error("matrix product: a size exceeds 2^31 - 1, the largest that the BLAS can count");
    }
    return static_cast<int>(size);
}

}  // namespace

template <class Scalar>
void library_product(Scalar alpha, const Factor<Scalar>& A, const Factor<Scalar>& B, Scalar beta, Matrix<Scalar> C) {
    blas(A.transposed ? CblasTrans : CblasNoTrans, B.transposed ? CblasTrans : CblasNoTrans, blas_size(C.rows()),
         blas_size(C.cols()), blas_size(A.columns), alpha, A.entries, blas_size(A.stride), B.entries,
         blas_size(B.stride), beta, C.data());
}

#else

template <class Scalar>
void library_product(Scalar alpha, const Factor<Scalar>& A, const Factor<Scalar>& B, Scalar beta, Matrix<Scalar> C) {
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

template void library_product<float>(float, const Factor<float>&, const Factor<float>&, float, Matrix<float>);
template void library_product<double>(double, const Factor<double>&, const Factor<double>&, double, Matrix<double>);

}  // namespace eqgen
