#if !defined(EQGEN_MKL) && defined(__GNUC__) && !defined(__clang__)
// GCC 12 finds fault with its own AVX-512 header when Eigen's packing is inlined (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "product.hpp"

#ifdef EQGEN_MKL
#include <mkl_cblas.h>
#endif

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
    const int m = blas_size(C.rows()), n = blas_size(C.cols()), k = blas_size(A.columns);
    blas(A.transposed ? CblasTrans : CblasNoTrans, B.transposed ? CblasTrans : CblasNoTrans, m, n, k, alpha, A.entries,
         A.transposed ? m : k, B.entries, B.transposed ? k : n, beta, C.data());
}

#else

template <class Scalar>
void multiply(Scalar alpha, const Factor<Scalar>& A, const Factor<Scalar>& B, Scalar beta, Matrix<Scalar> C) {
    using Transposed = Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>>;
    if (beta == 0) {
        C.setZero();
    } else if (beta != 1) {
        C *= beta;
    }
    const auto add = [&](const auto& a, const auto& b) { C.noalias() += alpha * a * b; };
    const auto with = [&](const auto& a) {
        if (B.transposed) {
            add(a, Transposed(B.entries, B.rows, B.columns));
        } else {
            add(a, ConstMatrix<Scalar>(B.entries, B.rows, B.columns));
        }
    };
    if (A.transposed) {
        with(Transposed(A.entries, A.rows, A.columns));
    } else {
        with(ConstMatrix<Scalar>(A.entries, A.rows, A.columns));
    }
}

#endif

}  // namespace

template <class Scalar>
void gemm(As<Scalar> alpha, As<Factor<Scalar>> A, As<Factor<Scalar>> B, As<Scalar> beta, Matrix<Scalar> C) {
    if (A.columns != B.rows || A.rows != C.rows() || B.columns != C.cols()) {
        throw std::invalid_argument("matrix product: the sizes of the operands do not fit");
    }
    if (C.size() == 0) {
        return;
    }
    if (A.columns == 0) {  // a leading dimension of 0 is no valid argument of a BLAS
        if (beta == 0) {
            C.setZero();
        } else {
            C *= beta;
        }
        return;
    }
    multiply<Scalar>(alpha, A, B, beta, C);
}

template void gemm<float>(float, Factor<float>, Factor<float>, float, Matrix<float>);
template void gemm<double>(double, Factor<double>, Factor<double>, double, Matrix<double>);

}  // namespace eqgen
