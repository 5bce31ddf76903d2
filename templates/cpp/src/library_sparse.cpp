#include "library_sparse.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "blas.hpp"
#ifdef EQGEN_MKL
#include <mkl_spblas.h>
#endif

namespace eqgen {

#if defined(EQGEN_MKL)

namespace {

// A handle of MKL over arrays that stay the caller's; nothing is copied, so that values may change between calls.
class Handle {
   public:
    Handle(const float* values, const Pattern& S) {
        const auto [begin, columns] = indices(S);
        check(mkl_sparse_s_create_csr(&handle_, SPARSE_INDEX_BASE_ZERO, size(S.rows()), size(S.cols()), begin, begin + 1,
                                      columns, const_cast<float*>(values)));
    }
    Handle(const double* values, const Pattern& S) {
        const auto [begin, columns] = indices(S);
        check(mkl_sparse_d_create_csr(&handle_, SPARSE_INDEX_BASE_ZERO, size(S.rows()), size(S.cols()), begin, begin + 1,
                                      columns, const_cast<double*>(values)));
    }
    ~Handle() { mkl_sparse_destroy(handle_); }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

    void multiply(const float* B, Index width, float* C) const {
        check(mkl_sparse_s_mm(SPARSE_OPERATION_NON_TRANSPOSE, 1, handle_, general(), SPARSE_LAYOUT_ROW_MAJOR, B,
                              size(width), size(width), 0, C, size(width)));
    }
    void multiply(const double* B, Index width, double* C) const {
        check(mkl_sparse_d_mm(SPARSE_OPERATION_NON_TRANSPOSE, 1, handle_, general(), SPARSE_LAYOUT_ROW_MAJOR, B,
                              size(width), size(width), 0, C, size(width)));
    }

   private:
    static MKL_INT size(Index number) { return static_cast<MKL_INT>(number); }
    static matrix_descr general() {
        matrix_descr description{};
        description.type = SPARSE_MATRIX_TYPE_GENERAL;
        return description;
    }
    static std::pair<MKL_INT*, MKL_INT*> indices(const Pattern& S) {
        return {static_cast<MKL_INT*>(const_cast<void*>(S.row_pointers)),
                static_cast<MKL_INT*>(const_cast<void*>(S.column_numbers))};
    }
    static void check(sparse_status_t status) {
        if (status != SPARSE_STATUS_SUCCESS) {
            throw std::runtime_error("MKL's sparse BLAS refuses a product, status " + std::to_string(status));
        }
    }

    sparse_matrix_t handle_ = nullptr;
};

}  // namespace

bool suits_sparse_library(const Pattern& S, Index width) {
    return S.wide == (sizeof(MKL_INT) == 8) && S.entries > 0 && S.rows() > 0 && width > 0;
}

bool has_sparse_library() { return true; }

template <class Scalar>
void library_sparse_product(As<ConstMatrix<Scalar>> values, const Pattern& S, As<ConstMatrix<Scalar>> B,
                            Matrix<Scalar> C) {
    Handle(values.data(), S).multiply(B.data(), B.cols(), C.data());
}

#else

bool suits_sparse_library(const Pattern&, Index) { return false; }

bool has_sparse_library() { return false; }

template <class Scalar>
void library_sparse_product(As<ConstMatrix<Scalar>>, const Pattern&, As<ConstMatrix<Scalar>>, Matrix<Scalar>) {
    throw std::logic_error("this package is not linked with a library of sparse products");
}

#endif

template void library_sparse_product<float>(ConstMatrix<float>, const Pattern&, ConstMatrix<float>, Matrix<float>);
template void library_sparse_product<double>(ConstMatrix<double>, const Pattern&, ConstMatrix<double>, Matrix<double>);

}  // namespace eqgen
