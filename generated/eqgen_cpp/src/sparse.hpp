// Products of sparse matrices. Compiled once, in sparse_product.cpp and sampled_product.cpp, for float and double.
//
// A sparse matrix S (K x D) is given by its values, 1 x count in the order of compressed rows, and its pattern. The
// examples of a batch are the columns of dense operands, so that a stored entry acts on contiguous memory.
#pragma once

#include "matrix.hpp"
#include "rows.hpp"
#include "scalar.hpp"

namespace eqgen {

// Positions of stored entries in compressed rows; the columns of each row increase. The memory is the caller's, and
// what it says is not checked: the package's class Pattern has.
struct Pattern {
    Index row_count, column_count, entries;
    bool wide;  // 64-bit indices, else 32-bit
    const void *row_pointers, *column_numbers;

    Index rows() const { return row_count; }
    Index cols() const { return column_count; }
    double density() const {
        const double positions = static_cast<double>(row_count) * static_cast<double>(column_count);
        return positions > 0 ? static_cast<double>(entries) / positions : 0;
    }
    // The number that the first entry of a row has among all entries.
    Index first_entry(Index row) const {
        return wide ? static_cast<const std::int64_t*>(row_pointers)[row]
                    : static_cast<const std::int32_t*>(row_pointers)[row];
    }
};

// From how many stored entries of a thousand on S is multiplied by other kernels: by a library of sparse products,
// where one is linked, and as a dense matrix. What a build measured, or what was measured on Zen 4.
struct Crossovers {
    static constexpr int never = 1001;
    int library, dense;
};

// Those of this library; to be changed by measurements and tests alone, while nothing is computed.
Crossovers& crossovers();

// Whether a library of sparse products is linked.
bool has_sparse_library();

// Calls body(Rows) for ranges that make up the rows of S, which has dense operands of `width` columns: ranges with
// about as many entries on every thread, few rows at a time where what they compute then stays in the cache. One call
// for all rows, outside of other threads, where the products use several threads by themselves.
void row_ranges(const Pattern& S, Index width, std::size_t scalar_bytes, void (*run)(const void*, Rows),
                const void* body);

template <class Scalar, class Body>
void each_rows(const Pattern& S, Index width, const Body& body) {
    row_ranges(S, width, sizeof(Scalar), [](const void* b, Rows rows) { (*static_cast<const Body*>(b))(rows); }, &body);
}

// C (K x n) = S B for B (D x n), these rows of it. Only stored entries count: a NaN of B that no entry meets goes
// nowhere.
template <class Scalar>
void sparse_product(As<ConstMatrix<Scalar>> values, const Pattern& S, As<ConstMatrix<Scalar>> B, Rows rows,
                    Matrix<Scalar> C);

// C (D x n) = S' B for B (K x n).
template <class Scalar>
void sparse_transposed_product(As<ConstMatrix<Scalar>> values, const Pattern& S, As<ConstMatrix<Scalar>> B,
                               Matrix<Scalar> C);

// result (1 x count): the entries of A B' at the positions of S in these rows, for A (K x n) and B (D x n).
template <class Scalar>
void sampled_product(As<ConstMatrix<Scalar>> A, As<ConstMatrix<Scalar>> B, const Pattern& S, Rows rows,
                     Matrix<Scalar> result);

// Y (n x m) = X' for X (m x n), in blocks.
template <class Scalar>
void transpose(As<ConstMatrix<Scalar>> X, Matrix<Scalar> Y);

// The same for Y (p x q) with p <= n rows: the columns of Y beyond the rows of X are the last row of X times a number.
template <class Scalar>
void transpose(As<ConstMatrix<Scalar>> X, As<Scalar> repeats, Matrix<Scalar> Y);

// body(e) for every entry of S in these rows.
template <class Body>
void elementwise(Rows rows, const Pattern& S, const Body& body) {
    elementwise(Range{S.first_entry(rows.begin), S.first_entry(rows.end)}, body);
}

}  // namespace eqgen
