#include <atomic>

#include "library_sparse.hpp"
#include "product.hpp"
#include "sparse_rows.hpp"

namespace eqgen {
namespace {

// Rows of S' B to which entries are added at a time, in bytes: what the first-level cache holds, or more where S has few
// entries in as many columns.
constexpr Index least_scattered = 24 * 1024, most_scattered = 384 * 1024;

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

// --- as a dense matrix ---------------------------------------------------------------------------------------------

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

// Which kernels multiply S by B. As a dense matrix it has zeros, which make NaN of what is not finite in B.
template <class Scalar>
Kind kind_beside(const Pattern& S, ConstMatrix<Scalar> B, bool part) {
    const Kind kind = kind_of(S, B.cols(), sizeof(Scalar), part);
    if (kind != Kind::dense) {
        return kind;
    }
    std::atomic<bool> is_finite{true};
    parallel_for(B.size(), 1, [&](Index begin, Index end) {
        const Scalar* entries = B.data();
        if (!(sum_range<Scalar>(begin, end, [=](Index k) { return entries[k] - entries[k]; }) == 0)) {
            is_finite = false;
        }
    });
    return is_finite ? kind : kind_of(S, B.cols(), sizeof(Scalar), true);
}

}  // namespace

template <class Scalar>
void sparse_product(As<ConstMatrix<Scalar>> values, const Pattern& S, As<ConstMatrix<Scalar>> B, Rows rows,
                    Matrix<Scalar> C) {
    check_count(values.cols(), S);
    const Index width = B.cols();
    with_indices(S, [&](auto integer) {
        const Compressed<Scalar, decltype(integer)> by_rows(values.data(), S);
        switch (kind_beside<Scalar>(S, B, is_part(S, rows))) {
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
        const Kind kind = kind_beside<Scalar>(S, B, false);
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
                const Index bytes = kind == Kind::packed ? least_scattered : most_scattered;
                const Index block = bytes / (count * 64);
                scatter_strip<count>(by_rows, S.rows(), range, block, B.data(), C.data(), width, at);
            });
        });
    });
}

#define EQGEN_INSTANCES(Scalar)                                                                              \
    template void sparse_product<Scalar>(ConstMatrix<Scalar>, const Pattern&, ConstMatrix<Scalar>, Rows,     \
                                         Matrix<Scalar>);                                                    \
    template void sparse_transposed_product<Scalar>(ConstMatrix<Scalar>, const Pattern&, ConstMatrix<Scalar>, \
                                                    Matrix<Scalar>);
EQGEN_INSTANCES(float)
EQGEN_INSTANCES(double)
#undef EQGEN_INSTANCES

}  // namespace eqgen
