#if defined(__GNUC__) && !defined(__clang__)
// Vectors are passed between functions that are always inlined: how they would be passed otherwise does not matter.
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

#include "sparse.hpp"

#include <omp.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "loops.hpp"
#include "threads.hpp"

// Lanes of two vectors of four, by their numbers in both.
#if defined(__clang__)
#define EQGEN_SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define EQGEN_SHUFFLE(a, b, i, j, k, l) __builtin_shuffle(a, b, Lanes{i, j, k, l})
#endif

namespace eqgen {
namespace {

typedef std::int32_t Lanes __attribute__((vector_size(16)));

// Vectors of 64 bytes: one register of AVX-512, two of AVX2.
template <class Scalar>
struct Wide {
    static constexpr Index lanes = 64 / sizeof(Scalar);
    typedef Scalar Vector __attribute__((vector_size(64)));
    using Integer = std::conditional_t<sizeof(Scalar) == 4, std::int32_t, std::int64_t>;
    typedef Integer Bits __attribute__((vector_size(64)));
    typedef Scalar Half __attribute__((vector_size(32)));
    typedef Scalar Quarter __attribute__((vector_size(16)));

    EQGEN_INLINE static Vector load(const Scalar* from) {
        Vector result;
        std::memcpy(&result, from, sizeof(Vector));
        return result;
    }
    EQGEN_INLINE static void store(Vector vector, Scalar* to) { std::memcpy(to, &vector, sizeof(Vector)); }

    // Bits that keep the lanes from `count` on.
    EQGEN_INLINE static Bits mask_from(Index count) {
        Bits mask;
        for (Index lane = 0; lane < lanes; ++lane) {
            mask[lane] = lane < count ? 0 : -1;
        }
        return mask;
    }
    // The vector's own entries where the mask has bits, zero elsewhere.
    EQGEN_INLINE static Vector kept(Vector vector, Bits mask) {
        return reinterpret_cast<Vector>(reinterpret_cast<Bits>(vector) & mask);
    }

    EQGEN_INLINE static Quarter quarter(Vector vector) {
        Half low, high;
        std::memcpy(&low, &vector, sizeof(Half));
        std::memcpy(&high, reinterpret_cast<const char*>(&vector) + sizeof(Half), sizeof(Half));
        low += high;
        Quarter first, second;
        std::memcpy(&first, &low, sizeof(Quarter));
        std::memcpy(&second, reinterpret_cast<const char*>(&low) + sizeof(Quarter), sizeof(Quarter));
        return first + second;
    }
    EQGEN_INLINE static Scalar sum(Vector vector) {
        const Quarter q = quarter(vector);
        if constexpr (sizeof(Scalar) == 4) {
            return (q[0] + q[2]) + (q[1] + q[3]);
        } else {
            return q[0] + q[1];
        }
    }
    // The sums of as many vectors as a quarter has lanes, each added in the order of `sum`.
    EQGEN_INLINE static Quarter sums(const Vector* vectors) {
        if constexpr (sizeof(Scalar) == 4) {
            const Quarter p = quarter(vectors[0]), q = quarter(vectors[1]);
            const Quarter r = quarter(vectors[2]), s = quarter(vectors[3]);
            const Quarter pq = EQGEN_SHUFFLE(p, q, 0, 4, 1, 5) + EQGEN_SHUFFLE(p, q, 2, 6, 3, 7);
            const Quarter rs = EQGEN_SHUFFLE(r, s, 0, 4, 1, 5) + EQGEN_SHUFFLE(r, s, 2, 6, 3, 7);
            return EQGEN_SHUFFLE(pq, rs, 0, 1, 4, 5) + EQGEN_SHUFFLE(pq, rs, 2, 3, 6, 7);
        } else {
            return Quarter{sum(vectors[0]), sum(vectors[1])};
        }
    }
};

// Vectors of a batch that are held in registers together.
constexpr int most_vectors = 8;

// Multiplications below which one thread is faster.
constexpr Index operations_per_thread = 1 << 17;

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

// body(begin, end) for ranges of rows with about as many entries each, on as many threads as the operations are worth.
template <class Integer, class Body>
void balanced(const Integer* pointers, Index rows, Index operations, const Body& body) {
    const auto team = static_cast<int>(std::clamp<Index>(operations / operations_per_thread, 1, threads()));
    if (team == 1 || omp_in_parallel() != 0) {
        body(Index(0), rows);
        return;
    }
    // A row costs as much as two entries.
    const auto cost = [&](Index row) { return static_cast<Index>(pointers[row]) + 2 * row; };
    const auto first_of = [&](Index part, Index parts) {
        const Index wanted = cost(rows) * part / parts;
        Index low = 0, high = rows;
        while (low < high) {
            const Index middle = (low + high) / 2;
            if (cost(middle) < wanted) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    };
#pragma omp parallel num_threads(team)
    {
        const Index parts = omp_get_num_threads(), part = omp_get_thread_num();
        const Index begin = first_of(part, parts), end = part + 1 == parts ? rows : first_of(part + 1, parts);
        if (begin < end) {
            body(begin, end);
        }
    }
}

// The rows of a matrix in compressed form; entry e has the value values[numbers[e]], or values[e] without numbers.
template <class Scalar, class Integer>
struct Compressed {
    const Scalar* values;
    const Integer *pointers, *columns, *numbers;
    Index rows;

    EQGEN_INLINE Scalar value(Index entry) const {
        return numbers == nullptr ? values[entry] : values[static_cast<Index>(numbers[entry])];
    }
};

template <int vectors, class Scalar, class Integer>
EQGEN_INLINE void multiply_strip(const Compressed<Scalar, Integer>& S, Index begin, Index end, const Scalar* B,
                                 Scalar* C, Index stride, const Strip& at) {
    using W = Wide<Scalar>;
    const Index last = at.width - W::lanes;
    for (Index row = begin; row < end; ++row) {
        typename W::Vector sums[vectors] = {};
        for (Index entry = S.pointers[row]; entry < static_cast<Index>(S.pointers[row + 1]); ++entry) {
            const Scalar value = S.value(entry);
            const Scalar* from = B + static_cast<Index>(S.columns[entry]) * stride + at.begin;
            for (int v = 0; v + 1 < vectors; ++v) {
                sums[v] += value * W::load(from + v * W::lanes);
            }
            sums[vectors - 1] += value * W::load(from + last);
        }
        Scalar* to = C + row * stride + at.begin;
        for (int v = 0; v + 1 < vectors; ++v) {
            W::store(sums[v], to + v * W::lanes);
        }
        W::store(sums[vectors - 1], to + last);
    }
}

// For batches that are narrower than a vector.
template <class Scalar, class Integer>
void multiply_narrow(const Compressed<Scalar, Integer>& S, Index begin, Index end, const Scalar* B, Scalar* C,
                     Index columns) {
    for (Index row = begin; row < end; ++row) {
        Scalar sums[Wide<Scalar>::lanes] = {};
        for (Index entry = S.pointers[row]; entry < static_cast<Index>(S.pointers[row + 1]); ++entry) {
            const Scalar value = S.value(entry);
            const Scalar* from = B + static_cast<Index>(S.columns[entry]) * columns;
            for (Index j = 0; j < columns; ++j) {
                sums[j] += value * from[j];
            }
        }
        std::copy(sums, sums + columns, C + row * columns);
    }
}

// Calls body(std::integral_constant<int, vectors>) for a number of vectors that is known at run time only.
template <class Body>
EQGEN_INLINE void with_vectors(int vectors, const Body& body) {
    switch (vectors) {
        case 1:
            return body(std::integral_constant<int, 1>());
        case 2:
            return body(std::integral_constant<int, 2>());
        case 3:
            return body(std::integral_constant<int, 3>());
        case 4:
            return body(std::integral_constant<int, 4>());
        case 5:
            return body(std::integral_constant<int, 5>());
        case 6:
            return body(std::integral_constant<int, 6>());
        case 7:
            return body(std::integral_constant<int, 7>());
        default:
            return body(std::integral_constant<int, most_vectors>());
    }
}

template <class Scalar, class Integer>
void multiply(const Compressed<Scalar, Integer>& S, const Scalar* B, Scalar* C, Index columns) {
    const Index operations = static_cast<Index>(S.pointers[S.rows]) * columns;
    balanced(S.pointers, S.rows, operations, [&](Index begin, Index end) {
        if (columns < Wide<Scalar>::lanes) {
            multiply_narrow(S, begin, end, B, C, columns);
            return;
        }
        for (Index j = 0; j < columns; j += most_vectors * Wide<Scalar>::lanes) {
            const Strip at = strip<Scalar>(j, columns);
            with_vectors(at.vectors, [&](auto vectors) {
                multiply_strip<decltype(vectors)::value>(S, begin, end, B, C, columns, at);
            });
        }
    });
}

// The products of a row of A with rows of B, entry by entry, over one strip of the batch.
template <int vectors, class Scalar>
struct Dot {
    using W = Wide<Scalar>;
    typename W::Vector own[vectors];
    typename W::Bits mask;
    Index last;

    // `overlap`: lanes of the last vector that another one has, or the strip before.
    EQGEN_INLINE Dot(const Scalar* left, Index width, Index overlap)
        : mask(W::mask_from(overlap)), last(width - W::lanes) {
        for (int v = 0; v + 1 < vectors; ++v) {
            own[v] = W::load(left + v * W::lanes);
        }
        own[vectors - 1] = W::kept(W::load(left + last), mask);
    }
    EQGEN_INLINE typename W::Vector operator()(const Scalar* right) const {
        // Masked, too: infinity times zero is not zero.
        typename W::Vector sum = own[vectors - 1] * W::kept(W::load(right + last), mask);
        for (int v = 0; v + 1 < vectors; ++v) {
            sum += own[v] * W::load(right + v * W::lanes);
        }
        return sum;
    }
};

template <int vectors, bool adds, class Scalar, class Integer>
EQGEN_INLINE void sample_strip(const Scalar* A, const Scalar* B, const Integer* pointers, const Integer* columns,
                               Index begin, Index end, Index stride, const Strip& at, Index done, Scalar* result) {
    using W = Wide<Scalar>;
    constexpr Index together = 16 / sizeof(Scalar);
    const Index overlap = vectors > 1 ? vectors * W::lanes - at.width : done - at.begin;
    for (Index row = begin; row < end; ++row) {
        const Dot<vectors, Scalar> dot(A + row * stride + at.begin, at.width, overlap);
        const auto right = [&](Index entry) { return B + static_cast<Index>(columns[entry]) * stride + at.begin; };
        const Index stop = pointers[row + 1];
        Index entry = pointers[row];
        for (; entry + together <= stop; entry += together) {
            typename W::Vector products[together];
            for (Index k = 0; k < together; ++k) {
                products[k] = dot(right(entry + k));
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
            const Scalar sum = W::sum(dot(right(entry)));
            result[entry] = adds ? result[entry] + sum : sum;
        }
    }
}

template <class Scalar, class Integer>
void sample_narrow(const Scalar* A, const Scalar* B, const Integer* pointers, const Integer* columns, Index begin,
                   Index end, Index width, Scalar* result) {
    for (Index row = begin; row < end; ++row) {
        const Scalar* left = A + row * width;
        for (Index entry = pointers[row]; entry < static_cast<Index>(pointers[row + 1]); ++entry) {
            const Scalar* right = B + static_cast<Index>(columns[entry]) * width;
            Scalar sum = 0;
            for (Index j = 0; j < width; ++j) {
                sum += left[j] * right[j];
            }
            result[entry] = sum;
        }
    }
}

template <class Scalar, class Integer>
void sample(const Scalar* A, const Scalar* B, const Integer* pointers, const Integer* columns, Index rows, Index width,
            Scalar* result) {
    balanced(pointers, rows, static_cast<Index>(pointers[rows]) * width, [&](Index begin, Index end) {
        if (width < Wide<Scalar>::lanes) {
            sample_narrow(A, B, pointers, columns, begin, end, width, result);
            return;
        }
        for (Index j = 0; j < width; j += most_vectors * Wide<Scalar>::lanes) {
            const Strip at = strip<Scalar>(j, width);
            with_vectors(at.vectors, [&](auto vectors) {
                constexpr int count = decltype(vectors)::value;
                if (j == 0) {
                    sample_strip<count, false>(A, B, pointers, columns, begin, end, width, at, j, result);
                } else {
                    sample_strip<count, true>(A, B, pointers, columns, begin, end, width, at, j, result);
                }
            });
        }
    });
}

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
                EQGEN_SHUFFLE(pq, rs, 0, 1, 4, 5), EQGEN_SHUFFLE(pq, rs, 2, 3, 6, 7), EQGEN_SHUFFLE(PQ, RS, 0, 1, 4, 5),
                EQGEN_SHUFFLE(PQ, RS, 2, 3, 6, 7)};
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

void check_count(Index values, const Pattern& S) {
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

template <class Integer>
const Integer* as(const void* array) {
    return static_cast<const Integer*>(array);
}

}  // namespace

template <class Scalar>
void sparse_product(As<ConstMatrix<Scalar>> values, const Pattern& S, As<ConstMatrix<Scalar>> B, Matrix<Scalar> C) {
    check_count(values.cols(), S);
    with_indices(S, [&](auto integer) {
        using Integer = decltype(integer);
        const Compressed<Scalar, Integer> rows{values.data(), as<Integer>(S.row_pointers),
                                               as<Integer>(S.column_numbers), nullptr, S.rows()};
        multiply(rows, B.data(), C.data(), B.cols());
    });
}

template <class Scalar>
void sparse_transposed_product(As<ConstMatrix<Scalar>> values, const Pattern& S, As<ConstMatrix<Scalar>> B,
                               Matrix<Scalar> C) {
    check_count(values.cols(), S);
    with_indices(S, [&](auto integer) {
        using Integer = decltype(integer);
        const Compressed<Scalar, Integer> columns{values.data(), as<Integer>(S.column_pointers),
                                                  as<Integer>(S.rows_by_columns), as<Integer>(S.numbers_by_columns),
                                                  S.cols()};
        multiply(columns, B.data(), C.data(), B.cols());
    });
}

template <class Scalar>
void sampled_product(As<ConstMatrix<Scalar>> A, As<ConstMatrix<Scalar>> B, const Pattern& S, Matrix<Scalar> result) {
    check_count(result.cols(), S);
    with_indices(S, [&](auto integer) {
        using Integer = decltype(integer);
        sample(A.data(), B.data(), as<Integer>(S.row_pointers), as<Integer>(S.column_numbers), S.rows(), A.cols(),
               result.data());
    });
}

template <class Scalar>
void transpose(As<ConstMatrix<Scalar>> X, Matrix<Scalar> Y) {
    // A strip is one cache line wide and four rows high at a time: all of a line is used while it is in the cache, even
    // where rows are a multiple of 4096 bytes long and exclude each other from it.
    constexpr Index strip = 64 / sizeof(Scalar);
    const Index rows = X.rows(), columns = X.cols();
    const Scalar* from = X.data();
    Scalar* to = Y.data();
    parallel_for((columns + strip - 1) / strip, rows * strip, [=](Index begin, Index end) {
        for (Index left = begin * strip; left < std::min(end * strip, columns); left += strip) {
            const Index right = std::min(left + strip, columns);
            Index i = 0;
            for (; i + 4 <= rows && right == left + strip; i += 4) {
                transpose_strip(from + i * columns + left, columns, to + left * rows + i, rows);
            }
            for (; i < rows; ++i) {
                for (Index j = left; j < right; ++j) {
                    to[j * rows + i] = from[i * columns + j];
                }
            }
        }
    });
}

#define EQGEN_INSTANCES(Scalar)                                                                                      \
    template void sparse_product<Scalar>(ConstMatrix<Scalar>, const Pattern&, ConstMatrix<Scalar>, Matrix<Scalar>);  \
    template void sparse_transposed_product<Scalar>(ConstMatrix<Scalar>, const Pattern&, ConstMatrix<Scalar>,        \
                                                    Matrix<Scalar>);                                                 \
    template void sampled_product<Scalar>(ConstMatrix<Scalar>, ConstMatrix<Scalar>, const Pattern&, Matrix<Scalar>); \
    template void transpose<Scalar>(ConstMatrix<Scalar>, Matrix<Scalar>);
EQGEN_INSTANCES(float)
EQGEN_INSTANCES(double)
#undef EQGEN_INSTANCES
#undef EQGEN_SHUFFLE

}  // namespace eqgen
