// What the products of sparse matrices have in common: strips of a batch, rows in compressed form, packed operands.
#pragma once

#include <omp.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "sparse.hpp"
#include "threads.hpp"
#include "wide.hpp"

namespace eqgen {

// Vectors of a batch that are held in registers together.
inline constexpr int most_vectors = 8;

// Multiplications below which one thread is faster.
inline constexpr Index operations_per_thread = 1 << 14;

// Row by row, with packed operands, by a library of sparse products, or as a dense matrix.
enum class Kind { direct, packed, library, dense };

// Which kernels suit S beside operands of `width` columns, of numbers of so many bytes. Some multiply all rows at once
// and are left out for `part` of them.
Kind kind_of(const Pattern& S, Index width, std::size_t scalar_bytes, bool part);

// How many rows of so many bytes of the dense operand are packed together.
Index pack_height(const Pattern& S, Index row_bytes);

inline bool is_part(const Pattern& S, Rows rows) { return rows.count() != S.rows(); }

inline void check_count(Index values, const Pattern& S) {
    if (values != S.entries) {
        throw std::invalid_argument("a pattern of " + std::to_string(S.entries) + " entries has " +
                                    std::to_string(values) + " values");
    }
}

// body(Integer()) for the type of the pattern's indices.
template <class Body>
void with_indices(const Pattern& S, const Body& body) {
    if (S.wide) {
        body(std::int64_t());
    } else {
        body(std::int32_t());
    }
}

// --- strips of a batch ---------------------------------------------------------------------------------------------

// A range of columns, from `begin` on, in `vectors` vectors, the last of which may overlap the one before.
struct Strip {
    Index begin, width;
    int vectors;
};

template <class Scalar>
Strip strip(Index begin, Index columns) {
    constexpr Index lanes = Wide<Scalar>::lanes;
    const Index width = std::min(columns - begin, most_vectors * lanes);
    if (width < lanes && columns >= lanes) {  // reaches back into the strip before
        return {columns - lanes, lanes, 1};
    }
    return {begin, width, static_cast<int>((width + lanes - 1) / lanes)};
}

// Calls body(std::integral_constant<int, vectors>) for a number of vectors that is known at run time only.
template <class Body>
EQGEN_INLINE void with_vectors(int vectors, const Body& body) {
    switch (vectors) {
        case 1: return body(std::integral_constant<int, 1>());
        case 2: return body(std::integral_constant<int, 2>());
        case 3: return body(std::integral_constant<int, 3>());
        case 4: return body(std::integral_constant<int, 4>());
        case 5: return body(std::integral_constant<int, 5>());
        case 6: return body(std::integral_constant<int, 6>());
        case 7: return body(std::integral_constant<int, 7>());
        default: return body(std::integral_constant<int, most_vectors>());
    }
}

// body(strip, vectors) for the strips of a batch, the number of vectors as a constant.
template <class Scalar, class Body>
EQGEN_INLINE void each_strip(Index columns, const Body& body) {
    for (Index j = 0; j < columns; j += most_vectors * Wide<Scalar>::lanes) {
        const Strip at = strip<Scalar>(j, columns);
        with_vectors(at.vectors, [&](auto vectors) { body(j, at, vectors); });
    }
}

// --- threads -------------------------------------------------------------------------------------------------------

// The smallest number in [0, count) for which a function that rises is at least `wanted`; `count` if there is none.
template <class Function>
Index first_reaching(Index wanted, Index count, const Function& function) {
    Index low = 0, high = count;
    while (low < high) {
        const Index middle = (low + high) / 2;
        if (function(middle) < wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// body(begin, end) for ranges of [0, count) with about the same cost, which is given as its sum up to an index, on as
// many threads as the operations are worth.
template <class Cost, class Body>
void balanced(Index count, Index operations, const Cost& cost, const Body& body) {
    const auto team = static_cast<int>(std::clamp<Index>(operations / operations_per_thread, 1, threads()));
    if (team == 1 || omp_in_parallel() != 0) {
        body(Index(0), count);
        return;
    }
    const auto first_of = [&](Index part, Index parts) {
        return first_reaching(cost(count) * part / parts, count, cost);
    };
#pragma omp parallel num_threads(team)
    {
        const Index parts = omp_get_num_threads(), part = omp_get_thread_num();
        const Index begin = first_of(part, parts), end = part + 1 == parts ? count : first_of(part + 1, parts);
        if (begin < end) {
            body(begin, end);
        }
    }
}

// --- rows ----------------------------------------------------------------------------------------------------------

// The rows of a matrix in compressed form.
template <class Scalar, class Integer>
struct Compressed {
    const Scalar* values;
    const Integer *pointers, *columns;

    Compressed(const Scalar* entries, const Pattern& S)
        : values(entries),
          pointers(static_cast<const Integer*>(S.row_pointers)),
          columns(static_cast<const Integer*>(S.column_numbers)) {}

    EQGEN_INLINE Index begin(Index row) const { return pointers[row]; }
    EQGEN_INLINE Index end(Index row) const { return pointers[row + 1]; }
    EQGEN_INLINE Index column(Index entry) const { return columns[entry]; }
    // Fetches the entries at which a later one of the rows goes on: they are in other pages, where no processor expects
    // them. `next` points to the entry at which this row goes on; `left` rows are left.
    EQGEN_INLINE void fetch(const Index* next, Index left) const {
        constexpr Index ahead = 4;
        const Index entry = next[left > ahead ? ahead : 0];
        __builtin_prefetch(columns + entry);
        __builtin_prefetch(columns + entry + 64 / sizeof(Integer));
        __builtin_prefetch(values + entry);
        __builtin_prefetch(values + entry + 64 / sizeof(Scalar));
    }
    // The first entry of a row from which columns are at least `column`.
    Index entry_at(Index row, Index column) const {
        const Integer* first = columns + begin(row);
        return std::lower_bound(first, columns + end(row), column) - columns;
    }
};

// --- packing -------------------------------------------------------------------------------------------------------

// Rows [begin, end) of B, one strip of them, in whole vectors that are aligned; the last may overlap the one before.
template <int vectors, class Scalar>
void pack(const Scalar* B, Index stride, const Strip& at, Index begin, Index end, Scalar* packed) {
    using W = Wide<Scalar>;
    for (Index row = begin; row < end; ++row) {
        const Scalar* from = B + row * stride + at.begin;
        Scalar* to = packed + (row - begin) * vectors * W::lanes;
        for (int v = 0; v + 1 < vectors; ++v) {
            W::store(W::load(from + v * W::lanes), to + v * W::lanes);
        }
        W::store(W::load(from + at.width - W::lanes), to + (vectors - 1) * W::lanes);
    }
}

// Calls body(begin, end, packed) for packs of so many rows that make up the rows [0, count) of B.
template <int vectors, class Scalar, class Body>
void each_pack(const Scalar* B, Index count, Index stride, const Strip& at, Index height, const Body& body) {
    Workspace workspace;
    Matrix<Scalar> packed = workspace.matrix<Scalar>(height, vectors * Wide<Scalar>::lanes);
    for (Index begin = 0; begin < count; begin += height) {
        const Index end = std::min(count, begin + height);
        pack<vectors>(B, stride, at, begin, end, packed.data());
        body(begin, end, packed.data());
    }
}

// How far each of some rows has been read: the entry that comes next.
template <class Scalar, class Integer>
Matrix<Index> entries_from(const Compressed<Scalar, Integer>& S, Rows rows, Index column, Workspace& workspace) {
    Matrix<Index> next = workspace.matrix<Index>(rows.count(), 1);
    for (Index i = 0; i < rows.count(); ++i) {
        next(i) = column == 0 ? S.begin(rows.begin + i) : S.entry_at(rows.begin + i, column);
    }
    return next;
}

}  // namespace eqgen
