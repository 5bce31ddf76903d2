#include <algorithm>
#include <stdexcept>

#include "loops.hpp"
#include "sparse.hpp"
#include "wide.hpp"

namespace eqgen {
namespace {

// Four rows and columns of X, which become columns and rows of Y.
template <class Scalar>
EQGEN_INLINE void turn_four(const Scalar* from, Index stride, Scalar* to, Index width) {
    if constexpr (sizeof(Scalar) == 4) {
        typename Wide<Scalar>::Quarter p, q, r, s;
        std::memcpy(&p, from, sizeof(p));
        std::memcpy(&q, from + stride, sizeof(q));
        std::memcpy(&r, from + 2 * stride, sizeof(r));
        std::memcpy(&s, from + 3 * stride, sizeof(s));
        const auto pq = EQGEN_SHUFFLE(p, q, 0, 4, 1, 5), PQ = EQGEN_SHUFFLE(p, q, 2, 6, 3, 7);
        const auto rs = EQGEN_SHUFFLE(r, s, 0, 4, 1, 5), RS = EQGEN_SHUFFLE(r, s, 2, 6, 3, 7);
        const typename Wide<Scalar>::Quarter turned[4] = {
            EQGEN_SHUFFLE(pq, rs, 0, 1, 4, 5), EQGEN_SHUFFLE(pq, rs, 2, 3, 6, 7), EQGEN_SHUFFLE(PQ, RS, 0, 1, 4, 5),
            EQGEN_SHUFFLE(PQ, RS, 2, 3, 6, 7)};
        for (Index k = 0; k < 4; ++k) {
            std::memcpy(to + k * width, &turned[k], sizeof(turned[k]));
        }
    } else {
        for (Index k = 0; k < 4; ++k) {
            for (Index i = 0; i < 4; ++i) {
                to[k * width + i] = from[i * stride + k];
            }
        }
    }
}

// Cache lines that are fetched ahead in every row: rows are in different pages, of which no processor follows so many.
constexpr Index lines_ahead = 6;

}  // namespace

template <class Scalar>
void transpose(As<ConstMatrix<Scalar>> X, As<Scalar> repeats, Matrix<Scalar> Y) {
    if (Y.rows() > X.cols()) {
        throw std::invalid_argument("transpose: the result has more rows than there are columns");
    }
    if (X.rows() == 0) {
        Y.setZero();
        return;
    }
    constexpr Index lanes = Wide<Scalar>::lanes;
    const Index stride = X.cols(), columns = Y.rows(), width = Y.cols(), rows = std::min(X.rows(), width);
    const Scalar *from = X.data(), *last = from + (rows - 1) * stride;
    Scalar* to = Y.data();
    parallel_for((columns + lanes - 1) / lanes, rows * lanes, [=](Index begin, Index end) {
        const Index stop = std::min(end * lanes, columns);
        // Squares of whole cache lines: these are read and written at once, whatever the strides.
        for (Index top = 0; top < rows; top += lanes) {
            const Index bottom = std::min(top + lanes, rows);
            for (Index left = begin * lanes; left < stop; left += lanes) {
                const Index right = std::min(left + lanes, stop);
                for (Index i = top; i < bottom; ++i) {
                    __builtin_prefetch(from + i * stride + left + lines_ahead * lanes);
                }
                Index i = top;
                for (; i + 4 <= bottom; i += 4) {
                    Index j = left;
                    for (; j + 4 <= right; j += 4) {
                        turn_four(from + i * stride + j, stride, to + j * width + i, width);
                    }
                    for (; j < right; ++j) {
                        for (Index k = i; k < i + 4; ++k) {
                            to[j * width + k] = from[k * stride + j];
                        }
                    }
                }
                for (; i < bottom; ++i) {
                    for (Index j = left; j < right; ++j) {
                        to[j * width + i] = from[i * stride + j];
                    }
                }
            }
        }
        for (Index j = begin * lanes; j < stop && rows < width; ++j) {
            // Not a product with 0 where that is asked for: the entry may be infinite.
            std::fill(to + j * width + rows, to + (j + 1) * width, repeats == 0 ? Scalar(0) : repeats * last[j]);
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
