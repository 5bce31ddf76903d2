// Products of small packed matrices in vector registers: what product.cpp makes large ones of.
//
// Vectors are those of the compiler (GCC's vector extension), as wide as the registers that the build targets. Two
// kernels, both bound by multiplications and not by memory:
//
// tile_kernel   R x 2 registers of A B, of packed A and B: one load serves R multiplications, one broadcast two
// lane_kernel   R rows of W X' with all lanes of X' in registers: W is read once, where it stands, and never packed
#pragma once

#include <utility>

#include "product.hpp"

#if defined(__AVX512F__)
#define EQGEN_TILES 14  // rows of a tile: 28 sums, two entries of B, one of A
#define EQGEN_LANES 7   // registers of a row of lanes
#elif defined(__AVX2__) && defined(__FMA__)
#define EQGEN_TILES 6
#endif

#ifdef EQGEN_TILES

namespace eqgen {

#if defined(__AVX512F__)
inline constexpr int register_bytes = 64;
#else
inline constexpr int register_bytes = 32;
#endif

// Entries of a register.
template <class Scalar>
inline constexpr int width = register_bytes / int{sizeof(Scalar)};

template <class Scalar>
struct RegisterOf {
    using Type [[gnu::vector_size(register_bytes), gnu::aligned(alignof(Scalar)), gnu::may_alias]] = Scalar;
};
template <class Scalar>
using Register = typename RegisterOf<Scalar>::Type;

template <class Scalar>
EQGEN_INLINE Register<Scalar> load(const Scalar* entries) {
    return *reinterpret_cast<const Register<Scalar>*>(entries);
}

template <class Scalar>
EQGEN_INLINE void store(Scalar* entries, Register<Scalar> value) {
    *reinterpret_cast<Register<Scalar>*>(entries) = value;
}

// --- tiles ---------------------------------------------------------------------------------------------------------

inline constexpr int tile_rows = EQGEN_TILES;

template <class Scalar>
inline constexpr int tile_columns = 2 * width<Scalar>;

// C (R x tile_columns) = A B, with A[k * R + i] and B[k * tile_columns + j]. `near` points to what the next tile needs.
template <class Scalar, int R>
[[gnu::noinline]] void tile_kernel(Index depth, const Scalar* A, const Scalar* B, Scalar* C, const Near<Scalar>& near) {
    constexpr int w = width<Scalar>;
    Register<Scalar> sum[R][2];
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
        sum[i][0] = sum[i][1] = Register<Scalar>{};
    }
    const auto step = [&]() __attribute__((always_inline)) {
        const Register<Scalar> left = load(B), right = load(B + w);
#pragma GCC unroll 16
        for (int i = 0; i < R; ++i) {
            const Scalar a = A[i];
            sum[i][0] += a * left;
            sum[i][1] += a * right;
        }
        A += R;
        B += 2 * w;
    };
    Index k = 0;
    for (int m = 0; m < near.count; ++m) {
        const Scalar* row = near.matrices[m];
        for (int i = 0; i < R && k < depth; ++i, ++k) {
            __builtin_prefetch(row, 1);
            __builtin_prefetch(row + w, 1);
            row += near.stride;
            step();
        }
    }
    for (; k < depth; ++k) {
        step();
    }
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
        store(C + i * 2 * w, sum[i][0]);
        store(C + i * 2 * w + w, sum[i][1]);
    }
}

// --- transposing ---------------------------------------------------------------------------------------------------

template <int w, int s>
constexpr int first_lane(int lane) {
    return (lane & s) == 0 ? lane : w + lane - s;
}
template <int w, int s>
constexpr int second_lane(int lane) {
    return (lane & s) == 0 ? lane + s : w + lane;
}

template <class Scalar, int s, int... lane>
EQGEN_INLINE void exchange(Register<Scalar>& a, Register<Scalar>& b, std::integer_sequence<int, lane...>) {
    constexpr int w = width<Scalar>;
    const Register<Scalar> first = __builtin_shufflevector(a, b, first_lane<w, s>(lane)...);
    b = __builtin_shufflevector(a, b, second_lane<w, s>(lane)...);
    a = first;
}

// A square of registers, by exchanging off-diagonal blocks of 1, 2, 4, ... entries.
template <class Scalar, int s = 1>
EQGEN_INLINE void transpose(Register<Scalar> (&rows)[width<Scalar>]) {
    constexpr int w = width<Scalar>;
    if constexpr (s < w) {
#pragma GCC unroll 16
        for (int i = 0; i < w; ++i) {
            if ((i & s) == 0) {
                exchange<Scalar, s>(rows[i], rows[i + s], std::make_integer_sequence<int, w>{});
            }
        }
        transpose<Scalar, 2 * s>(rows);
    }
}

// packed[k * lanes + r] = A[r * stride + k] for r < rows, 0 up to the next full register; lanes is a multiple of one.
template <class Scalar>
void pack_lanes(const Scalar* A, Index stride, Index rows, Index depth, Scalar* packed, Index lanes) {
    constexpr int w = width<Scalar>;
    for (Index r = 0; r < lanes; r += w) {
        const Index count = rows - r < w ? rows - r : w;
        Index k = 0;
        for (; count > 0 && k + w <= depth; k += w) {
            Register<Scalar> square[w];
            for (int i = 0; i < w; ++i) {
                square[i] = i < count ? load(A + (r + i) * stride + k) : Register<Scalar>{};
            }
            transpose<Scalar>(square);
            for (int i = 0; i < w; ++i) {
                store(packed + (k + i) * lanes + r, square[i]);
            }
        }
        for (; k < depth; ++k) {
            for (Index i = 0; i < w; ++i) {
                packed[k * lanes + r + i] = i < count ? A[(r + i) * stride + k] : Scalar(0);
            }
        }
    }
}

// packed[k * R + i] = alpha A(i, k), for A as it stands (row i at A + i * stride) or transposed.
template <class Scalar, int R, bool transposed>
[[gnu::noinline]] void pack_tile(Scalar alpha, const Scalar* A, Index stride, Index depth, Scalar* packed) {
    constexpr int w = width<Scalar>;
    Index k = 0;
    if constexpr (!transposed) {
        constexpr int squares = (R + w - 1) / w;
        alignas(register_bytes) Scalar lanes[w * squares * w];
        for (; k + w <= depth; k += w) {
            pack_lanes(A + k, stride, Index{R}, Index{w}, lanes, Index{squares * w});
            for (int i = 0; i < w; ++i) {
#pragma GCC unroll 16
                for (int r = 0; r < R; ++r) {
                    packed[(k + i) * R + r] = alpha * lanes[i * squares * w + r];
                }
            }
        }
    }
    for (; k < depth; ++k) {
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            packed[k * R + r] = alpha * (transposed ? A[k * stride + r] : A[r * stride + k]);
        }
    }
}

// --- lanes ---------------------------------------------------------------------------------------------------------

#ifdef EQGEN_LANES

inline constexpr int most_lane_registers = EQGEN_LANES;

// Rows of W that are multiplied together, when X' has V registers of lanes: the sums, entries of W and one of X' fit
// into 32 registers. All divide 16.
template <int V>
inline constexpr int lane_rows = V == 1   ? 16
                                 : V <= 3 ? 8
                                          : 4;

EQGEN_INLINE void add_product(Register<float>& sum, Register<float> x, const float* w) {
    asm("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(x), "m"(*w));
}

EQGEN_INLINE void add_product(Register<double>& sum, Register<double> x, const double* w) {
    asm("vfmadd231pd %2%{1to8%}, %1, %0" : "+v"(sum) : "v"(x), "m"(*w));
}

template <class Scalar>
struct HalfOf {
    using Type [[gnu::vector_size(register_bytes / 2), gnu::aligned(alignof(Scalar)), gnu::may_alias]] = Scalar;
};
template <class Scalar>
using Half = typename HalfOf<Scalar>::Type;

template <class Scalar, int... lane>
EQGEN_INLINE Half<Scalar> lower(Register<Scalar> a, std::integer_sequence<int, lane...>) {
    return __builtin_shufflevector(a, a, lane...);
}

// T (R x V registers) = W X', or is increased by it, with row r of W at W + r * stride and X'[k * V * width + n]. With
// `half` only half of the last register counts.
//
// R - 1 entries of W are in registers, the last one is read by each multiplication. Rows of W that come next are
// fetched meanwhile.
template <class Scalar, int R, int V, bool half>
[[gnu::noinline]] void lane_kernel(Index depth, const Scalar* W, Index stride, const Scalar* X, Scalar* T, bool add) {
    constexpr int w = width<Scalar>, full = half ? V - 1 : V, lanes = V * w;
    Register<Scalar> sum[R][full];
    Half<Scalar> rest[R];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
        __builtin_prefetch(W + (R + r) * stride);
        __builtin_prefetch(W + (R + r) * stride + w);
        Scalar* row = T + r * lanes;
#pragma GCC unroll 8
        for (int v = 0; v < full; ++v) {
            sum[r][v] = add ? load(row + v * w) : Register<Scalar>{};
        }
        if constexpr (half) {
            rest[r] = add ? *reinterpret_cast<const Half<Scalar>*>(row + full * w) : Half<Scalar>{};
        }
    }
    for (Index k = 0; k < depth; ++k) {
        Register<Scalar> entry[R];
#pragma GCC unroll 16
        for (int r = 0; r < R - 1; ++r) {
            entry[r] = W[r * stride + k] - Register<Scalar>{};
        }
#pragma GCC unroll 8
        for (int v = 0; v < full; ++v) {
            Register<Scalar> x = load(X + v * w);
            asm("" : "+v"(x));  // once into a register, not into every multiplication
#pragma GCC unroll 16
            for (int r = 0; r < R - 1; ++r) {
                sum[r][v] += entry[r] * x;
            }
            add_product(sum[R - 1][v], x, W + (R - 1) * stride + k);
        }
        if constexpr (half) {
            Half<Scalar> x = *reinterpret_cast<const Half<Scalar>*>(X + full * w);
            asm("" : "+v"(x));
#pragma GCC unroll 16
            for (int r = 0; r < R - 1; ++r) {
                rest[r] += lower<Scalar>(entry[r], std::make_integer_sequence<int, w / 2>{}) * x;
            }
            rest[R - 1] += W[(R - 1) * stride + k] * x;
        }
        X += lanes;
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
        Scalar* row = T + r * lanes;
#pragma GCC unroll 8
        for (int v = 0; v < full; ++v) {
            store(row + v * w, sum[r][v]);
        }
        if constexpr (half) {
            *reinterpret_cast<Half<Scalar>*>(row + full * w) = rest[r];
        }
    }
}

#endif  // EQGEN_LANES

}  // namespace eqgen

#endif  // EQGEN_TILES
