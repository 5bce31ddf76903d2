#include <algorithm>
#include <stdexcept>

#include "loops.hpp"
#include "sparse.hpp"
#include "wide.hpp"

namespace eqgen {
namespace {

// Four rows of a cache line each become columns.
template <class Scalar>
EQGEN_INLINE void transpose_strip(const Scalar* from, Index stride, Scalar* to, Index to_stride) {
    for (Index j = 0; j < Index(64 / sizeof(Scalar)); j += 4) {
        if constexpr (sizeof(Scalar) == 4) {
            typename Wide<Scalar>::Quarter p, q, r, s;
            std::memcpy(&p, from + j, sizeof(p));
            std::memcpy(&q, from + stride + j, sizeof(q));
            std::memcpy(&r, from + 2 * stride + j, sizeof(r));
            std::memcpy(&s, from + 3 * stride + j, sizeof(s));
            const auto pq = EQGEN_SHUFFLE(p, q, 0, 4, 1, 5), PQ = EQGEN_SHUFFLE(p, q, 2, 6, 3, 7);
            const auto rs = EQGEN_SHUFFLE(r, s, 0, 4, 1, 5), RS = EQGEN_SHUFFLE(r, s, 2, 6, 3, 7);
            const typename Wide<Scalar>::Quarter turned[4] = {
                EQGEN_SHUFFLE(pq, rs, 0, 1, 4, 5), EQGEN_SHUFFLE(pq, rs, 2, 3, 6, 7),
                EQGEN_SHUFFLE(PQ, RS, 0, 1, 4, 5), EQGEN_SHUFFLE(PQ, RS, 2, 3, 6, 7)};
            for (Index k = 0; k < 4; ++k) {
                std::memcpy(to + (j + k) * to_stride, &turned[k], sizeof(turned[k]));
            }
        } else {
            for (Index k = j; k < j + 4; ++k) {
                for (Index i = 0; i < 4; ++i) {
                    to[k * to_stride + i] = from[i * stride + k];
                }
            }
        }
    }
}

}  // namespace

template <class Scalar>
void transpose(As<ConstMatrix<Scalar>> X, As<Scalar> repeats, Matrix<Scalar> Y) {
    if (Y.rows() > X.cols()) {
        throw std::invalid_argument("transpose: the result has more rows than there are columns");
    }
    // A strip is one cache line wide and four rows high at a time: all of a line is used while it is in the cache, even
    // where rows are a multiple of 4096 bytes long and exclude each other from it.
    constexpr Index strip = 64 / sizeof(Scalar);
    const Index stride = X.cols(), columns = Y.rows(), width = Y.cols(), rows = std::min(X.rows(), width);
    const Scalar* from = X.data();
    Scalar* to = Y.data();
    parallel_for((columns + strip - 1) / strip, rows * strip, [=](Index begin, Index end) {
        for (Index left = begin * strip; left < std::min(end * strip, columns); left += strip) {
            const Index right = std::min(left + strip, columns);
            Index i = 0;
            for (; i + 4 <= rows && right == left + strip; i += 4) {
                // The next strip is in other pages, where no processor expects it.
                for (Index k = i; k < i + 4; ++k) {
                    __builtin_prefetch(from + k * stride + right, 0, 1);
                }
                transpose_strip(from + i * stride + left, stride, to + left * width + i, width);
            }
            for (; i < rows; ++i) {
                for (Index j = left; j < right; ++j) {
                    to[j * width + i] = from[i * stride + j];
                }
            }
            for (Index j = left; j < right && rows < width; ++j) {
                // Not a product with 0 where that is asked for: the entry may be infinite.
                const Scalar more = repeats == 0 || rows == 0 ? Scalar(0) : repeats * to[j * width + rows - 1];
                std::fill(to + j * width + rows, to + (j + 1) * width, more);
            }
        }
    });
}

template <class Scalar>
void transpose(As<ConstMatrix<Scalar>> X, Matrix<Scalar> Y) {
    transpose<Scalar>(X, Scalar(0), Y);
}

template void transpose<float>(ConstMatrix<float>, Matrix<float>);
template void transpose<double>(ConstMatrix<double>, Matrix<double>);
template void transpose<float>(ConstMatrix<float>, float, Matrix<float>);
template void transpose<double>(ConstMatrix<double>, double, Matrix<double>);

}  // namespace eqgen
