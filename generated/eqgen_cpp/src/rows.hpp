// Statements that only need their own rows, together for a range of rows: threads are woken once for all of them, and
// what one computes is still in the cache when the next reads it.
#pragma once

#include <algorithm>

#include "loops.hpp"
#include "matrix.hpp"

namespace eqgen {

// Positions of a flat array.
struct Range {
    Index begin, end;
};

// A range of rows.
struct Rows {
    Index begin, end;
    Index count() const { return end - begin; }
    // Their entries in a matrix of so many columns, seen as a flat array.
    Range times(Index columns) const { return {begin * columns, end * columns}; }

    // These rows of a matrix.
    template <class Scalar>
    Matrix<Scalar> of(Matrix<Scalar> X) const {
        return {X.data() + begin * X.cols(), count(), X.cols()};
    }
    template <class Scalar>
    ConstMatrix<Scalar> of(const ConstMatrix<Scalar>& X) const {
        return ConstMatrix<Scalar>(X.data() + begin * X.cols(), count(), X.cols());
    }
};

// Entries that are computed together: few enough to stay in the first-level cache.
inline constexpr Index entries_together = 4096;

// Calls body(Rows) for ranges of few rows that make up [0, count), which have `width` columns.
template <class Scalar, class Body>
void each_rows(Index count, Index width, const Body& body) {
    const Index together = std::max<Index>(1, entries_together / std::max<Index>(1, width));
    parallel_for(count, width, [&](Index begin, Index end) {
        for (Index top = begin; top < end; top += together) {
            body(Rows{top, std::min(end, top + together)});
        }
    });
}

// body(k) for every position of a range.
template <class Body>
void elementwise(Range range, const Body& body) {
    elementwise(range.end - range.begin, [&](Index k) { body(range.begin + k); });
}

// body(i, j) for every position in these rows.
template <class Body>
void elementwise(Rows rows, Index columns, const Body& body) {
    elementwise(rows.count(), columns, [&](Index i, Index j) { body(rows.begin + i, j); });
}

// result (rows x 1): the sums over j of body(i, j), in these rows.
template <class Scalar, class Body>
void rows_sum(Rows rows, Index columns, Matrix<Scalar> result, const Body& body) {
    rows_sum(columns, rows.of(result), [&](Index i, Index j) { return body(rows.begin + i, j); });
}

// result (rows x 1): the maxima over j of body(i, j), in these rows.
template <class Scalar, class Body>
void rows_max(Rows rows, Index columns, Matrix<Scalar> result, const Body& body) {
    rows_max(columns, rows.of(result), [&](Index i, Index j) { return body(rows.begin + i, j); });
}

}  // namespace eqgen
