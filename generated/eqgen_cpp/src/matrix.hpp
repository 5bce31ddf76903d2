// Matrices of a kernel: row-major Eigen maps over the caller's arrays, and temporaries from a workspace that is kept
// between calls.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <cstdint>

namespace eqgen {

using Index = Eigen::Index;

template <class Scalar>
using Plain = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// A matrix that a kernel writes. Passed by value; the entries are shared, like those of a pointer.
template <class Scalar>
using Matrix = Eigen::Map<Plain<Scalar>>;

// A matrix that a kernel reads.
template <class Scalar>
struct ConstMatrix : Eigen::Map<const Plain<Scalar>> {
    using Eigen::Map<const Plain<Scalar>>::Map;
    ConstMatrix(const Matrix<Scalar>& matrix)
        : Eigen::Map<const Plain<Scalar>>(matrix.data(), matrix.rows(), matrix.cols()) {}
};

// Row or column numbers for gathering and scattering.
using Indices = ConstMatrix<std::int64_t>;

// Temporaries of one call. The memory comes from a store of the calling thread and returns to it when the workspace
// goes out of scope: after the first call with given sizes a kernel allocates nothing and meets no new pages.
class Workspace {
   public:
    Workspace();
    ~Workspace();
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;

    // A matrix with undefined entries, aligned to a cache line.
    template <class Scalar>
    Matrix<Scalar> matrix(Index rows, Index columns) {
        return {static_cast<Scalar*>(allocate(static_cast<std::size_t>(rows * columns) * sizeof(Scalar))), rows,
                columns};
    }

   private:
    void* allocate(std::size_t bytes);

    std::size_t block_, used_;  // where the thread's store stood
};

}  // namespace eqgen
