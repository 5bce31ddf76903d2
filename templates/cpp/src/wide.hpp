// Vectors of 64 bytes: one register of AVX-512, two of AVX2.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
// Vectors are passed between functions that are always inlined: how they would be passed otherwise does not matter.
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "matrix.hpp"
#include "scalar.hpp"

// Lanes of two vectors of four, by their numbers in both.
#if defined(__clang__)
#define EQGEN_SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define EQGEN_SHUFFLE(a, b, i, j, k, l) __builtin_shuffle(a, b, eqgen::Lanes{i, j, k, l})
#endif

// The same in each quarter of two vectors of sixteen.
#define EQGEN_LANE(quarter, i) ((i) < 4 ? 4 * (quarter) + (i) : 12 + 4 * (quarter) + (i))
#define EQGEN_LANES(quarter, i, j, k, l) \
    EQGEN_LANE(quarter, i), EQGEN_LANE(quarter, j), EQGEN_LANE(quarter, k), EQGEN_LANE(quarter, l)
#define EQGEN_LANES_OF_ALL(i, j, k, l) \
    EQGEN_LANES(0, i, j, k, l), EQGEN_LANES(1, i, j, k, l), EQGEN_LANES(2, i, j, k, l), EQGEN_LANES(3, i, j, k, l)
#if defined(__clang__)
#define EQGEN_SHUFFLE_QUARTERS(a, b, i, j, k, l) __builtin_shufflevector(a, b, EQGEN_LANES_OF_ALL(i, j, k, l))
#else
#define EQGEN_SHUFFLE_QUARTERS(a, b, i, j, k, l) __builtin_shuffle(a, b, Bits{EQGEN_LANES_OF_ALL(i, j, k, l)})
#endif

namespace eqgen {

typedef std::int32_t Lanes __attribute__((vector_size(16)));

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
        if constexpr (sizeof(Scalar) == 4) {
            const Vector two = vector + EQGEN_SHUFFLE_QUARTERS(vector, vector, 2, 3, 0, 1);
            return quarter(two + EQGEN_SHUFFLE_QUARTERS(two, two, 1, 0, 3, 2))[0];
        } else {
            const Quarter q = quarter(vector);
            return q[0] + q[1];
        }
    }
    // The sums of as many vectors as a quarter has lanes, each added in the order of `sum`.
    EQGEN_INLINE static Quarter sums(const Vector* vectors) {
        if constexpr (sizeof(Scalar) == 4) {
            const Vector &p = vectors[0], &q = vectors[1], &r = vectors[2], &s = vectors[3];
            const Vector pq = EQGEN_SHUFFLE_QUARTERS(p, q, 0, 4, 1, 5) + EQGEN_SHUFFLE_QUARTERS(p, q, 2, 6, 3, 7);
            const Vector rs = EQGEN_SHUFFLE_QUARTERS(r, s, 0, 4, 1, 5) + EQGEN_SHUFFLE_QUARTERS(r, s, 2, 6, 3, 7);
            return quarter(EQGEN_SHUFFLE_QUARTERS(pq, rs, 0, 1, 4, 5) + EQGEN_SHUFFLE_QUARTERS(pq, rs, 2, 3, 6, 7));
        } else {
            return Quarter{sum(vectors[0]), sum(vectors[1])};
        }
    }
};

}  // namespace eqgen
