// The BLAS of the sanitizer build: three loops, so that every entry that a kernel hands over is looked at.
//
// Its functions have the names that blas.hpp expects of OpenBLAS.
#pragma once

enum CBLAS_ORDER { CblasRowMajor = 101 };
enum CBLAS_TRANSPOSE { CblasNoTrans = 111, CblasTrans = 112 };

template <class Scalar>
void cblas_product(CBLAS_ORDER, CBLAS_TRANSPOSE a, CBLAS_TRANSPOSE b, int m, int n, int k, Scalar alpha,
                   const Scalar* A, int lda, const Scalar* B, int ldb, Scalar beta, Scalar* C, int ldc) {
    for (int i = 0; i < m; ++i) {
        for (int j = 0; j < n; ++j) {
            Scalar sum = 0;
            for (int l = 0; l < k; ++l) {
                sum += (a == CblasTrans ? A[l * lda + i] : A[i * lda + l]) *
                       (b == CblasTrans ? B[j * ldb + l] : B[l * ldb + j]);
            }
            Scalar& entry = C[i * ldc + j];
            entry = beta == 0 ? alpha * sum : alpha * sum + beta * entry;
        }
    }
}

constexpr auto scipy_cblas_sgemm = &cblas_product<float>;
constexpr auto scipy_cblas_dgemm = &cblas_product<double>;
inline void scipy_openblas_set_num_threads(int) {}
