// Products of sparse matrices. Compiled once, in sparse.cpp, for float and double.
//
// A sparse matrix S (K x D) is given by its values, 1 x count in the order of compressed rows, and its pattern. The
// examples of a batch are the columns of dense operands, so that a stored entry acts on contiguous memory.
#pragma once

#include "matrix.hpp"
#include "scalar.hpp"

namespace eqgen {

// Positions of stored entries in compressed rows, and the same in compressed columns with the number that each entry
// has in compressed rows. The memory is the caller's, and what it says is not checked: the package's class Pattern has.
struct Pattern {
    Index row_count, column_count, entries;
    bool wide;  // 64-bit indices, else 32-bit
    const void *row_pointers, *column_numbers, *column_pointers, *rows_by_columns, *numbers_by_columns;

    Index rows() const { return row_count; }
    Index cols() const { return column_count; }
};

// C (K x n) = S B for B (D x n). Only stored entries count: a NaN of B that no entry meets goes nowhere.
template <class Scalar>
void sparse_product(As<ConstMatrix<Scalar>> values, const Pattern& S, As<ConstMatrix<Scalar>> B, Matrix<Scalar> C);

// C (D x n) = S' B for B (K x n).
template <class Scalar>
void sparse_transposed_product(As<ConstMatrix<Scalar>> values, const Pattern& S, As<ConstMatrix<Scalar>> B,
                               Matrix<Scalar> C);

// result (1 x count): the entries of A B' at the positions of S, for A (K x n) and B (D x n).
template <class Scalar>
void sampled_product(As<ConstMatrix<Scalar>> A, As<ConstMatrix<Scalar>> B, const Pattern& S, Matrix<Scalar> result);

// Y (n x m) = X' for X (m x n), in blocks.
template <class Scalar>
void transpose(As<ConstMatrix<Scalar>> X, Matrix<Scalar> Y);

}  // namespace eqgen
