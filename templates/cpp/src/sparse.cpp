#include "sparse.hpp"

#include <omp.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "library_sparse.hpp"
#include "product.hpp"
#include "threads.hpp"
#include "wide.hpp"

namespace eqgen {
namespace {

// Vectors of a batch that are held in registers together.
constexpr int most_vectors = 8;

// Multiplications below which one thread is faster.
constexpr Index operations_per_thread = 1 << 14;

// Rows of the dense operand that are packed, in bytes: they stay near while entries of many rows of S meet them. As few
// as the first-level cache holds, or more where a row of S would have too few entries among them.
constexpr Index least_packed = 24 * 1024, most_packed = 64 * 1024;
constexpr double entries_wanted = 10;
// Entries that a row of S must have among the packed rows, in the mean, to be worth the packing.
constexpr double entries_needed = 1;
// Rows of S' B to which entries are added at a time where S has too few for packing.
constexpr Index scattered_bytes = 384 * 1024;
// Rows of S that are computed together where nothing is packed.
constexpr Index direct_rows = 32;

#ifndef EQGEN_DENSE_PERMILLE
#define EQGEN_DENSE_PERMILLE 700
#endif
#ifndef EQGEN_SPARSE_LIBRARY_PERMILLE
#define EQGEN_SPARSE_LIBRARY_PERMILLE 1001
#endif

enum class Kind { direct, packed, library, dense };

// How many rows of so many bytes are packed together.
Index pack_height(const Pattern& S, Index row_bytes) {
    const auto wanted = static_cast<Index>(entries_wanted / std::max(S.density(), 1e-6));
    return std::clamp(wanted, least_packed / row_bytes, most_packed / row_bytes);
}

// Which kernels suit S beside operands of `width` columns, of numbers of so many bytes.
// Some multiply all rows at once and are left out for `part` of them.
Kind kind_of(const Pattern& S, Index width, std::size_t scalar_bytes, bool part) {
    const double density = S.density();
    if (!part && 1000 * density >= crossovers().dense) {
        return Kind::dense;
    }
    if (!part && 1000 * density >= crossovers().library && suits_sparse_library(S, width)) {
        return Kind::library;
    }
    const Index lanes = 64 / static_cast<Index>(scalar_bytes);
    if (width < lanes) {
        return Kind::direct;
    }
    const Index vectors = std::min<Index>(most_vectors, (width + lanes - 1) / lanes);
    const auto height = static_cast<double>(pack_height(S, vectors * 64));
    return density * height >= entries_needed ? Kind::packed : Kind::direct;
}

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

// --- S B -----------------------------------------------------------------------------------------------------------

template <int vectors, class Scalar>
struct Sums {
    using W = Wide<Scalar>;
    typename W::Vector vector[vectors];

    // The last vector overlaps the one before where the width is no multiple of a vector's, with the same lanes.
    EQGEN_INLINE void load(const Scalar* from, Index width) {
        for (int v = 0; v + 1 < vectors; ++v) {
            vector[v] = W::load(from + v * W::lanes);
        }
        vector[vectors - 1] = W::load(from + width - W::lanes);
    }
    EQGEN_INLINE void store(Scalar* to, Index width) const {
        for (int v = 0; v + 1 < vectors; ++v) {
            W::store(vector[v], to + v * W::lanes);
        }
        W::store(vector[vectors - 1], to + width - W::lanes);
    }
    EQGEN_INLINE void clear() {
        for (int v = 0; v < vectors; ++v) {
            vector[v] = typename W::Vector{};
        }
    }
    // `last` is where the last vector begins.
    EQGEN_INLINE void add(Scalar value, const Scalar* from, Index last) {
        for (int v = 0; v + 1 < vectors; ++v) {
            vector[v] += value * W::load(from + v * W::lanes);
        }
        vector[vectors - 1] += value * W::load(from + last);
    }
};

template <int vectors, class Scalar, class Integer>
EQGEN_INLINE void multiply_direct(const Compressed<Scalar, Integer>& S, Rows rows, const Scalar* B, Scalar* C,
                                  Index stride, const Strip& at) {
    const Index last = at.width - Wide<Scalar>::lanes;
    for (Index row = rows.begin; row < rows.end; ++row) {
        Sums<vectors, Scalar> sums;
        sums.clear();
        for (Index entry = S.begin(row); entry < S.end(row); ++entry) {
            sums.add(S.values[entry], B + S.column(entry) * stride + at.begin, last);
        }
        sums.store(C + row * stride + at.begin, at.width);
    }
}

template <int vectors, class Scalar, class Integer>
EQGEN_INLINE void multiply_packed(const Compressed<Scalar, Integer>& S, Rows rows, const Scalar* B, Index height,
                                  Index together, Scalar* C, Index stride, const Strip& at) {
    using W = Wide<Scalar>;
    constexpr Index width = vectors * W::lanes;
    Workspace workspace;
    Matrix<Index> next = entries_from(S, rows, 0, workspace);
    each_pack<vectors>(B, height, stride, at, together, [&](Index begin, Index end, const Scalar* packed) {
        for (Index row = rows.begin; row < rows.end; ++row) {
            S.fetch(next.data() + (row - rows.begin), rows.end - row);
            Index entry = next(row - rows.begin);
            const Index stop = S.end(row);
            Scalar* to = C + row * stride + at.begin;
            Sums<vectors, Scalar> sums;
            if (begin == 0) {
                sums.clear();
            } else {
                sums.load(to, at.width);
            }
            for (; entry < stop && S.column(entry) < end; ++entry) {
                sums.add(S.values[entry], packed + (S.column(entry) - begin) * width, width - W::lanes);
            }
            sums.store(to, at.width);
            next(row - rows.begin) = entry;
        }
    });
}

// For batches that are narrower than a vector.
template <class Scalar, class Integer>
void multiply_narrow(const Compressed<Scalar, Integer>& S, Rows rows, const Scalar* B, Scalar* C, Index columns) {
    for (Index row = rows.begin; row < rows.end; ++row) {
        Scalar sums[Wide<Scalar>::lanes] = {};
        for (Index entry = S.begin(row); entry < S.end(row); ++entry) {
            const Scalar value = S.values[entry];
            const Scalar* from = B + S.column(entry) * columns;
            for (Index j = 0; j < columns; ++j) {
                sums[j] += value * from[j];
            }
        }
        std::copy(sums, sums + columns, C + row * columns);
    }
}

// --- S' B ----------------------------------------------------------------------------------------------------------

// Rows `range` of C = S' B, one strip of them. Rows of S are read one by one and their entries added where they belong,
// so that the pattern is needed by rows only; meanwhile `block` rows of C stay in a cache.
template <int vectors, class Scalar, class Integer>
EQGEN_INLINE void scatter_strip(const Compressed<Scalar, Integer>& S, Index rows, Rows range, Index block,
                                const Scalar* B, Scalar* C, Index stride, const Strip& at) {
    using W = Wide<Scalar>;
    constexpr Index width = vectors * W::lanes;
    Workspace workspace;
    Matrix<Index> next = entries_from(S, Rows{0, rows}, range.begin, workspace);
    Matrix<Scalar> sums = workspace.matrix<Scalar>(std::min(block, range.count()), width);
    for (Index begin = range.begin; begin < range.end; begin += block) {
        const Index end = std::min(range.end, begin + block);
        std::fill_n(sums.data(), (end - begin) * width, Scalar(0));
        for (Index row = 0; row < rows; ++row) {
            S.fetch(next.data() + row, rows - row);
            Index entry = next(row);
            const Index stop = S.end(row);
            if (entry == stop || S.column(entry) >= end) {
                continue;
            }
            Sums<vectors, Scalar> own;
            own.load(B + row * stride + at.begin, at.width);
            for (; entry < stop && S.column(entry) < end; ++entry) {
                const Scalar value = S.values[entry];
                Scalar* to = sums.data() + (S.column(entry) - begin) * width;
                for (int v = 0; v < vectors; ++v) {
                    W::store(W::load(to + v * W::lanes) + value * own.vector[v], to + v * W::lanes);
                }
            }
            next(row) = entry;
        }
        for (Index row = begin; row < end; ++row) {
            Sums<vectors, Scalar> found;
            found.load(sums.data() + (row - begin) * width, width);
            found.store(C + row * stride + at.begin, at.width);
        }
    }
}

template <class Scalar, class Integer>
void scatter_narrow(const Compressed<Scalar, Integer>& S, Index rows, Rows range, const Scalar* B, Scalar* C,
                    Index columns) {
    std::fill_n(C + range.begin * columns, range.count() * columns, Scalar(0));
    for (Index row = 0; row < rows; ++row) {
        const Scalar* from = B + row * columns;
        const Index stop = S.end(row);
        for (Index entry = S.entry_at(row, range.begin); entry < stop && S.column(entry) < range.end; ++entry) {
            const Scalar value = S.values[entry];
            Scalar* to = C + S.column(entry) * columns;
            for (Index j = 0; j < columns; ++j) {
                to[j] += value * from[j];
            }
        }
    }
}

// --- A B' at the positions of S ------------------------------------------------------------------------------------

// A row of A beside rows of B, one strip of them.
template <int vectors, class Scalar>
struct Dot {
    using W = Wide<Scalar>;
    typename W::Vector own[vectors];

    EQGEN_INLINE Dot(const Scalar* left, Index width) {
        for (int v = 0; v + 1 < vectors; ++v) {
            own[v] = W::load(left + v * W::lanes);
        }
        own[vectors - 1] = W::load(left + width - W::lanes);
    }
    // `last` is where the last vector begins, of which those lanes count that are kept.
    EQGEN_INLINE typename W::Vector operator()(const Scalar* right, Index last, typename W::Bits kept) const {
        // Both are masked by masking the product: infinity times a zero that stands for nothing would be NaN.
        typename W::Vector sum = W::kept(own[vectors - 1] * W::load(right + last), kept);
        for (int v = 0; v + 1 < vectors; ++v) {
            sum += own[v] * W::load(right + v * W::lanes);
        }
        return sum;
    }
};

// result[e] (+)= the sum of dot(right(e)), for the entries from `entry` to `stop`.
template <int vectors, bool adds, class Scalar, class Right>
EQGEN_INLINE void sample_entries(const Dot<vectors, Scalar>& dot, Index entry, Index stop, Index last,
                                 typename Wide<Scalar>::Bits kept, const Right& right, Scalar* result) {
    using W = Wide<Scalar>;
    constexpr Index together = 16 / sizeof(Scalar);
    for (; entry + together <= stop; entry += together) {
        typename W::Vector products[together];
        for (Index k = 0; k < together; ++k) {
            products[k] = dot(right(entry + k), last, kept);
        }
        typename W::Quarter sums = W::sums(products);
        if constexpr (adds) {
            typename W::Quarter before;
            std::memcpy(&before, result + entry, sizeof(before));
            sums += before;
        }
        std::memcpy(result + entry, &sums, sizeof(sums));
    }
    for (; entry < stop; ++entry) {
        const Scalar sum = W::sum(dot(right(entry), last, kept));
        result[entry] = adds ? result[entry] + sum : sum;
    }
}

template <int vectors, bool adds, class Scalar, class Integer>
EQGEN_INLINE void sample_direct(const Compressed<Scalar, Integer>& S, Rows rows, const Scalar* A, const Scalar* B,
                                Index stride, const Strip& at, typename Wide<Scalar>::Bits kept, Scalar* result) {
    for (Index row = rows.begin; row < rows.end; ++row) {
        const Dot<vectors, Scalar> dot(A + row * stride + at.begin, at.width);
        const auto right = [&](Index entry) { return B + S.column(entry) * stride + at.begin; };
        sample_entries<vectors, adds>(dot, S.begin(row), S.end(row), at.width - Wide<Scalar>::lanes, kept, right,
                                      result);
    }
}

template <int vectors, bool adds, class Scalar, class Integer>
EQGEN_INLINE void sample_packed(const Compressed<Scalar, Integer>& S, Rows rows, const Scalar* A, const Scalar* B,
                                Index height, Index together, Index stride, const Strip& at,
                                typename Wide<Scalar>::Bits kept, Scalar* result) {
    constexpr Index width = vectors * Wide<Scalar>::lanes;
    Workspace workspace;
    Matrix<Index> next = entries_from(S, rows, 0, workspace);
    each_pack<vectors>(B, height, stride, at, together, [&](Index begin, Index end, const Scalar* packed) {
        for (Index row = rows.begin; row < rows.end; ++row) {
            S.fetch(next.data() + (row - rows.begin), rows.end - row);
            const Index first = next(row - rows.begin), stop = S.end(row);
            Index entry = first;
            while (entry < stop && S.column(entry) < end) {
                ++entry;
            }
            const Dot<vectors, Scalar> dot(A + row * stride + at.begin, at.width);
            const auto right = [&](Index e) { return packed + (S.column(e) - begin) * width; };
            sample_entries<vectors, adds>(dot, first, entry, width - Wide<Scalar>::lanes, kept, right, result);
            next(row - rows.begin) = entry;
        }
    });
}

template <class Scalar, class Integer>
void sample_narrow(const Compressed<Scalar, Integer>& S, Rows rows, const Scalar* A, const Scalar* B, Index width,
                   Scalar* result) {
    for (Index row = rows.begin; row < rows.end; ++row) {
        const Scalar* left = A + row * width;
        for (Index entry = S.begin(row); entry < S.end(row); ++entry) {
            const Scalar* right = B + S.column(entry) * width;
            Scalar sum = 0;
            for (Index j = 0; j < width; ++j) {
                sum += left[j] * right[j];
            }
            result[entry] = sum;
        }
    }
}

// --- as dense matrices ---------------------------------------------------------------------------------------------

template <class Scalar, class Integer>
Matrix<Scalar> dense(const Compressed<Scalar, Integer>& S, const Pattern& pattern, Workspace& workspace) {
    Matrix<Scalar> result = workspace.matrix<Scalar>(pattern.rows(), pattern.cols());
    parallel_for(pattern.rows(), pattern.cols(), [&](Index begin, Index end) {
        for (Index row = begin; row < end; ++row) {
            Scalar* to = result.data() + row * pattern.cols();
            std::fill_n(to, pattern.cols(), Scalar(0));
            for (Index entry = S.begin(row); entry < S.end(row); ++entry) {
                to[S.column(entry)] = S.values[entry];
            }
        }
    });
    return result;
}

// The entries of A B' where S has some, from the tiles in which a dense product is computed.
template <class Scalar, class Integer>
void sample_dense(const Compressed<Scalar, Integer>& S, ConstMatrix<Scalar> A, ConstMatrix<Scalar> B, Scalar* result) {
    const auto keep = [&](const Tile<Scalar>& tile) {
        for (Index i = 0; i < tile.rows; ++i) {
            const Scalar* products = tile.entries + i * tile.stride - tile.left;
            const Index stop = S.end(tile.top + i), right = tile.left + tile.columns;
            for (Index e = S.entry_at(tile.top + i, tile.left); e < stop && S.column(e) < right; ++e) {
                result[e] = products[S.column(e)];
            }
        }
    };
    using Keep = decltype(keep);
    product_tiles<Scalar>(
        A, B.transpose(), Near<Scalar>{{}, 0, B.rows()},
        [](const void* body, const Tile<Scalar>& tile) { (*static_cast<const Keep*>(body))(tile); }, &keep);
}

// --- checks and choices --------------------------------------------------------------------------------------------

void check_count(Index values, const Pattern& S) {
    if (values != S.entries) {
        throw std::invalid_argument("a pattern of " + std::to_string(S.entries) + " entries has " +
                                    std::to_string(values) + " values");
    }
}

bool is_part(const Pattern& S, Rows rows) { return rows.count() != S.rows(); }

// body(Integer()) for the type of the pattern's indices.
template <class Body>
void with_indices(const Pattern& S, const Body& body) {
    if (S.wide) {
        body(std::int64_t());
    } else {
        body(std::int32_t());
    }
}

}  // namespace

Crossovers& crossovers() {
    static Crossovers current{EQGEN_SPARSE_LIBRARY_PERMILLE, EQGEN_DENSE_PERMILLE};
    return current;
}

void row_ranges(const Pattern& S, Index width, std::size_t scalar_bytes, void (*run)(const void*, Rows),
                const void* body) {
    const Index count = S.rows();
    const Kind kind = kind_of(S, width, scalar_bytes, false);
    if (kind == Kind::library || kind == Kind::dense) {
        run(body, {0, count});
        return;
    }
    // A row costs as much as two entries.
    const auto cost = [&](Index row) { return S.first_entry(row) + 2 * row; };
    balanced(count, cost(count) * width, cost, [&](Index begin, Index end) {
        const Index together = kind == Kind::packed ? end - begin : direct_rows;
        for (Index top = begin; top < end; top += together) {
            run(body, {top, std::min(end, top + together)});
        }
    });
}

template <class Scalar>
void sparse_product(As<ConstMatrix<Scalar>> values, const Pattern& S, As<ConstMatrix<Scalar>> B, Rows rows,
                    Matrix<Scalar> C) {
    check_count(values.cols(), S);
    const Index width = B.cols();
    with_indices(S, [&](auto integer) {
        const Compressed<Scalar, decltype(integer)> by_rows(values.data(), S);
        switch (kind_of(S, width, sizeof(Scalar), is_part(S, rows))) {
            case Kind::dense: {
                Workspace workspace;
                return gemm(Scalar(1), dense(by_rows, S, workspace), B, Scalar(0), C);
            }
            case Kind::library:
                return library_sparse_product<Scalar>(values, S, B, C);
            case Kind::packed:
                return each_strip<Scalar>(width, [&](Index, const Strip& at, auto vectors) {
                    multiply_packed<decltype(vectors)::value>(by_rows, rows, B.data(), B.rows(),
                                                              pack_height(S, at.vectors * 64), C.data(), width, at);
                });
            case Kind::direct:
                if (width < Wide<Scalar>::lanes) {
                    return multiply_narrow(by_rows, rows, B.data(), C.data(), width);
                }
                return each_strip<Scalar>(width, [&](Index, const Strip& at, auto vectors) {
                    multiply_direct<decltype(vectors)::value>(by_rows, rows, B.data(), C.data(), width, at);
                });
        }
    });
}

template <class Scalar>
void sparse_transposed_product(As<ConstMatrix<Scalar>> values, const Pattern& S, As<ConstMatrix<Scalar>> B,
                               Matrix<Scalar> C) {
    check_count(values.cols(), S);
    const Index width = B.cols(), lanes = Wide<Scalar>::lanes;
    with_indices(S, [&](auto integer) {
        const Compressed<Scalar, decltype(integer)> by_rows(values.data(), S);
        const Kind kind = kind_of(S, width, sizeof(Scalar), false);
        if (kind == Kind::dense) {
            Workspace workspace;
            gemm(Scalar(1), dense(by_rows, S, workspace).transpose(), B, Scalar(0), C);
            return;
        }
        const auto cost = [](Index row) { return row; };
        balanced(S.cols(), S.entries * width, cost, [&](Index begin, Index end) {
            const Rows range{begin, end};
            if (width < lanes) {
                scatter_narrow(by_rows, S.rows(), range, B.data(), C.data(), width);
                return;
            }
            each_strip<Scalar>(width, [&](Index, const Strip& at, auto vectors) {
                constexpr int count = decltype(vectors)::value;
                const Index bytes = kind == Kind::packed ? least_packed : scattered_bytes;
                const Index block = bytes / (count * 64);
                scatter_strip<count>(by_rows, S.rows(), range, block, B.data(), C.data(), width, at);
            });
        });
    });
}

template <class Scalar>
void sampled_product(As<ConstMatrix<Scalar>> A, As<ConstMatrix<Scalar>> B, const Pattern& S, Rows rows,
                     Matrix<Scalar> result) {
    check_count(result.cols(), S);
    const Index width = A.cols(), lanes = Wide<Scalar>::lanes;
    with_indices(S, [&](auto integer) {
        const Compressed<Scalar, decltype(integer)> by_rows(nullptr, S);
        const Kind kind = kind_of(S, width, sizeof(Scalar), is_part(S, rows));
        if (kind == Kind::dense) {
            return sample_dense(by_rows, A, B, result.data());
        }
        if (width < lanes) {
            return sample_narrow(by_rows, rows, A.data(), B.data(), width, result.data());
        }
        each_strip<Scalar>(width, [&](Index done, const Strip& at, auto vectors) {
            constexpr int count = decltype(vectors)::value;
            // Lanes of the last vector that the one before has, or the strip before.
            const Index overlap = count > 1 ? count * lanes - at.width : done - at.begin;
            const auto kept = Wide<Scalar>::mask_from(overlap);
            const auto sample = [&](auto adds) {
                if (kind == Kind::packed) {
                    sample_packed<count, decltype(adds)::value>(by_rows, rows, A.data(), B.data(), B.rows(),
                                                                pack_height(S, at.vectors * 64), width, at, kept,
                                                                result.data());
                } else {
                    sample_direct<count, decltype(adds)::value>(by_rows, rows, A.data(), B.data(), width, at, kept,
                                                                result.data());
                }
            };
            if (done == 0) {
                sample(std::false_type());
            } else {
                sample(std::true_type());
            }
        });
    });
}

#define EQGEN_INSTANCES(Scalar)                                                                                     \
    template void sparse_product<Scalar>(ConstMatrix<Scalar>, const Pattern&, ConstMatrix<Scalar>, Rows,            \
                                         Matrix<Scalar>);                                                           \
    template void sparse_transposed_product<Scalar>(ConstMatrix<Scalar>, const Pattern&, ConstMatrix<Scalar>,       \
                                                    Matrix<Scalar>);                                                \
    template void sampled_product<Scalar>(ConstMatrix<Scalar>, ConstMatrix<Scalar>, const Pattern&, Rows,           \
                                          Matrix<Scalar>);
EQGEN_INSTANCES(float)
EQGEN_INSTANCES(double)
#undef EQGEN_INSTANCES

}  // namespace eqgen
