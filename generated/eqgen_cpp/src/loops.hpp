// Loops over the entries of matrices. The body is a lambda over positions; it is inlined into a loop of vector
// instructions, which runs on several threads when it is worth their wake-up.
//
// A body may read anything, and may write only at its own position: `(k)` of matrices of one shape, seen as a flat
// array, or `(i, j)`. What several threads compute does not depend on their number.
#pragma once

#include <algorithm>
#include <limits>

#include "matrix.hpp"
#include "scalar.hpp"

namespace eqgen {

// Entries below which one thread is faster: waking a second one costs about as much as this many simple operations.
inline constexpr Index entries_per_thread = 16384;

// Calls `run(body, begin, end)` for ranges that make up [0, count): on this thread when count * cost is small, else on
// several. Ranges begin at multiples of a cache line of entries.
void parallel_ranges(Index count, Index cost, void (*run)(const void*, Index, Index), const void* body);

template <class Body>
void parallel_for(Index count, Index cost, const Body& body) {
    const auto run = [](const void* b, Index begin, Index end) { (*static_cast<const Body*>(b))(begin, end); };
    parallel_ranges(count, cost, run, &body);
}

// --- entry by entry ------------------------------------------------------------------------------------------------

// body(k) for every entry of matrices of one shape.
template <class Body>
void elementwise(Index count, const Body& body) {
    parallel_for(count, 1, [&](Index begin, Index end) {
#pragma omp simd
        for (Index k = begin; k < end; ++k) {
            body(k);
        }
    });
}

// body(i, j) for every position, where operands are repeated rows, repeated columns or transposed.
template <class Body>
void elementwise(Index rows, Index columns, const Body& body) {
    parallel_for(rows, columns, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) {
#pragma omp simd
            for (Index j = 0; j < columns; ++j) {
                body(i, j);
            }
        }
    });
}

// --- sums ----------------------------------------------------------------------------------------------------------

// Sums are taken in blocks of this many terms, and the blocks are added: the error grows with the number of blocks
// only.
inline constexpr Index sum_block = 1024;

// Terms that are added side by side, in two registers of AVX-512. Written out: a reduction over a body that is a lambda
// is left as it is by compilers, one addition after the other.
template <class Scalar>
inline constexpr int sum_lanes = 128 / sizeof(Scalar);

// The sum of as many terms as make up whole groups of `lanes`, from k on, which moves behind them.
template <int lanes, class Scalar, class Term>
EQGEN_INLINE Scalar lanes_sum(Index& k, Index end, const Term& term) {
    Scalar sums[lanes] = {};
    for (; k + lanes <= end; k += lanes) {
        for (int lane = 0; lane < lanes; ++lane) {
            sums[lane] += term(k + lane);
        }
    }
    for (int half = lanes / 2; half > 0; half /= 2) {
        for (int lane = 0; lane < half; ++lane) {
            sums[lane] += sums[lane + half];
        }
    }
    return sums[0];
}

template <class Scalar, class Term>
EQGEN_INLINE Scalar sum_range(Index begin, Index end, const Term& term) {
    Scalar total = 0;
    if (end - begin < sum_lanes<Scalar>) {
        for (Index k = begin; k < end; ++k) {
            total += term(k);
        }
        return total;
    }
    for (Index first = begin; first < end; first += sum_block) {
        const Index last = first + sum_block < end ? first + sum_block : end;
        Index k = first;
        Scalar partial = lanes_sum<sum_lanes<Scalar>, Scalar>(k, last, term);
        partial += lanes_sum<4, Scalar>(k, last, term);
        for (; k < last; ++k) {
            partial += term(k);
        }
        total += partial;
    }
    return total;
}

// result (rows x 1): the sums over j of body(i, j).
template <class Scalar, class Body>
void rows_sum(Index columns, Matrix<Scalar> result, const Body& body) {
    parallel_for(result.rows(), columns, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) {
            result(i) = sum_range<Scalar>(0, columns, [&](Index j) { return body(i, j); });
        }
    });
}

// Columns that are reduced together: their partial results stay in registers and the first-level cache.
inline constexpr Index column_tile = 128;

// For the columns of a tile: `combine` over all rows, from `start`; every `block` rows `flush` takes the partial
// results.
template <class Scalar, class Combine, class Flush>
EQGEN_INLINE void reduce_columns(Index rows, Index columns, Scalar start, const Combine& combine, const Flush& flush) {
    parallel_for(columns, rows, [&](Index begin, Index end) {
        Scalar partial[column_tile];
        for (Index left = begin; left < end; left += column_tile) {
            const Index width = left + column_tile < end ? column_tile : end - left;
            for (Index top = 0; top < rows; top += sum_block) {
                const Index bottom = top + sum_block < rows ? top + sum_block : rows;
                for (Index j = 0; j < width; ++j) {
                    partial[j] = start;
                }
                for (Index i = top; i < bottom; ++i) {
#pragma omp simd
                    for (Index j = 0; j < width; ++j) {
                        partial[j] = combine(partial[j], i, left + j);
                    }
                }
                for (Index j = 0; j < width; ++j) {
                    flush(left + j, partial[j]);
                }
            }
        }
    });
}

// result (1 x columns): the sums over i of body(i, j).
template <class Scalar, class Body>
void columns_sum(Index rows, Matrix<Scalar> result, const Body& body) {
    result.setZero();
    reduce_columns<Scalar>(
        rows, result.cols(), 0, [&](Scalar sum, Index i, Index j) { return sum + body(i, j); },
        [&](Index j, Scalar partial) { result(j) += partial; });
}

// result (1 x 1): the sum over k of body(k), for matrices of one shape.
template <class Scalar, class Body>
void elements_sum(Index count, Matrix<Scalar> result, const Body& body) {
    constexpr Index block = 16 * sum_block;
    const Index blocks = (count + block - 1) / block;
    Workspace workspace;
    Matrix<Scalar> partial = workspace.matrix<Scalar>(blocks, 1);
    parallel_for(blocks, block, [&](Index begin, Index end) {
        for (Index b = begin; b < end; ++b) {
            partial(b) = sum_range<Scalar>(b * block, (b + 1) * block < count ? (b + 1) * block : count, body);
        }
    });
    result(0) = sum_range<Scalar>(0, blocks, [&](Index b) { return partial(b); });
}

// result (1 x 1): the sum over all positions of body(i, j).
template <class Scalar, class Body>
void elements_sum(Index rows, Index columns, Matrix<Scalar> result, const Body& body) {
    Workspace workspace;
    Matrix<Scalar> partial = workspace.matrix<Scalar>(rows, 1);
    rows_sum(columns, partial, body);
    elements_sum(rows, result, [&](Index i) { return partial(i); });
}

// --- maxima --------------------------------------------------------------------------------------------------------

// The largest of terms so far, and how many were NaN, which `>` passes over.
template <class Scalar>
struct Largest {
    Scalar value = -std::numeric_limits<Scalar>::infinity();
    Scalar unordered = 0;

    EQGEN_INLINE void take(Scalar x) {
        value = x > value ? x : value;
        unordered += where(x != x, Scalar(1), 0);
    }
};

template <class Scalar, class Term>
EQGEN_INLINE Scalar max_range(Index begin, Index end, const Term& term) {
    constexpr int lanes = sum_lanes<Scalar>;
    Largest<Scalar> found;
    Index k = begin;
    if (end - begin >= lanes) {
        Scalar values[lanes], unordered[lanes] = {};
        std::fill(values, values + lanes, found.value);
        for (; k + lanes <= end; k += lanes) {
            for (int lane = 0; lane < lanes; ++lane) {
                const Scalar x = term(k + lane);
                values[lane] = x > values[lane] ? x : values[lane];
                unordered[lane] += where(x != x, Scalar(1), 0);
            }
        }
        for (int lane = 0; lane < lanes; ++lane) {
            found.take(values[lane]);
            found.unordered += unordered[lane];
        }
    }
    for (; k < end; ++k) {
        found.take(term(k));
    }
    return found.unordered > 0 ? std::numeric_limits<Scalar>::quiet_NaN() : found.value;
}

// result (rows x 1): the maximum over j of body(i, j); NaN where one is NaN, minus infinity where there are no columns.
template <class Scalar, class Body>
void rows_max(Index columns, Matrix<Scalar> result, const Body& body) {
    parallel_for(result.rows(), columns, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) {
            result(i) = max_range<Scalar>(0, columns, [&](Index j) { return body(i, j); });
        }
    });
}

// result (1 x columns): the maximum over i of body(i, j); NaN where one is NaN, minus infinity where there are no rows.
template <class Scalar, class Body>
void columns_max(Index rows, Matrix<Scalar> result, const Body& body) {
    constexpr Scalar lowest = -std::numeric_limits<Scalar>::infinity();
    result.setConstant(lowest);
    reduce_columns<Scalar>(
        rows, result.cols(), lowest, [&](Scalar largest, Index i, Index j) { return max(body(i, j), largest); },
        [&](Index j, Scalar partial) { result(j) = max(partial, result(j)); });
}

}  // namespace eqgen
