// Large products out of the kernels of tiles.hpp: what is packed, in which order, on which thread.
//
// An entry of a product is summed in an order that depends on the sizes only, so that results are the same for every
// number of threads.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "loops.hpp"
#include "product.hpp"
#include "threads.hpp"
#include "tiles.hpp"

#ifdef EQGEN_TILES

namespace eqgen {

// Multiplications that take as long as one entry of a simple loop, for the decision on threads.
inline constexpr Index multiplications_per_entry = 16;

// Bytes of packed operands that a thread goes over again and again: half of a second-level cache.
inline constexpr Index packed_bytes = 512 * 1024;

// Memory for each thread of a loop, allocated by the thread that starts it, where an exception can be caught.
template <class Scalar>
class Slices {
   public:
    Slices(Workspace& workspace, Index size) : memory_(workspace.matrix<Scalar>(threads(), size)) {}
    Scalar* take() { return memory_.data() + next_.fetch_add(1) * memory_.cols(); }

   private:
    Matrix<Scalar> memory_;
    std::atomic<Index> next_{0};
};

// --- tiles ---------------------------------------------------------------------------------------------------------

// The longest sums, in bytes of a row, that tiles compute; unless the build measured it (`eqgen doctor --tune`), as
// measured on Zen 4 against MKL.
#ifndef EQGEN_TILE_BYTES
#define EQGEN_TILE_BYTES 4096
#endif

// Whether tiles are the fastest way: few rows or terms make too little of what is packed, and of a long sum the packed
// parts of A and B leave the caches before they come again.
template <class Scalar>
bool suits_tiles(const Factor<Scalar>& A, const Factor<Scalar>& B) {
    constexpr Index few = 8, longest = EQGEN_TILE_BYTES / Index{sizeof(Scalar)};
    return !B.transposed && A.rows >= few && A.columns >= few && B.columns >= few && A.columns <= longest;
}

template <class Scalar>
struct TileKernel {
    void (*multiply)(Index, const Scalar*, const Scalar*, Scalar*, const Near<Scalar>&);
    void (*pack)(Scalar, const Scalar*, Index, Index, Scalar*);
    void (*pack_transposed)(Scalar, const Scalar*, Index, Index, Scalar*);
};

template <class Scalar, int... less>
constexpr auto tile_kernels(std::integer_sequence<int, less...>) {
    return std::array<TileKernel<Scalar>, sizeof...(less)>{TileKernel<Scalar>{
        tile_kernel<Scalar, less + 1>, pack_tile<Scalar, less + 1, false>, pack_tile<Scalar, less + 1, true>}...};
}

// The columns of B in panels as wide as a tile, row by row and filled up with 0. Rows are read along, through all panels,
// since each one may lie in a page of its own.
template <class Scalar>
void pack_panels(const Scalar* B, Index stride, Index depth, Index columns, Scalar* packed) {
    constexpr Index full = tile_columns<Scalar>;
    for (Index k = 0; k < depth; ++k) {
        const Scalar* row = B + k * stride;
        Scalar* entries = packed + k * full;
        Index left = columns;
        for (; left >= full; left -= full) {
            std::copy_n(row, full, entries);
            row += full;
            entries += full * depth;
        }
        if (left > 0) {
            std::fill(std::copy_n(row, left, entries), entries + full, Scalar(0));
        }
    }
}

// Calls take(tile) for tiles that make up alpha A B. `near` are matrices of the product's shape that `take` goes to.
template <class Scalar, class Take>
void each_tile(Scalar alpha, const Factor<Scalar>& A, const Factor<Scalar>& B, const Near<Scalar>& near,
               const Take& take) {
    constexpr Index full = tile_columns<Scalar>;
    static constexpr auto kernels = tile_kernels<Scalar>(std::make_integer_sequence<int, tile_rows>{});
    const Index depth = A.columns, panels = (B.columns + full - 1) / full;
    // Rows are shared out evenly: a last tile of few rows would take as long as a high one.
    const Index strips = (A.rows + tile_rows - 1) / tile_rows;
    const auto top = [&](Index s) { return A.rows * s / strips; };
    Workspace workspace;
    Scalar* left = workspace.matrix<Scalar>(A.rows, depth).data();
    // Copying is cheap: waking threads for it, and waiting for them, pays off for large batches only.
    parallel_for(strips, tile_rows * depth / 8, [&](Index begin, Index end) {
        for (Index s = begin; s < end; ++s) {
            const auto& kernel = kernels[static_cast<std::size_t>(top(s + 1) - top(s) - 1)];
            (A.transposed ? kernel.pack_transposed : kernel.pack)(
                alpha, A.entries + top(s) * (A.transposed ? 1 : A.stride), A.stride, depth, left + top(s) * depth);
        }
    });
    const Index fitting = packed_bytes / (depth * full * Index{sizeof(Scalar)});
    const Index block = std::max<Index>(1, std::min(panels, fitting));
    Slices<Scalar> slices(workspace, block * full * depth);
    parallel_for(panels, A.rows * depth * full / multiplications_per_entry, [&](Index begin, Index end) {
        alignas(register_bytes) Scalar sums[tile_rows * full];
        Scalar* right = slices.take();
        for (Index first = begin; first < end; first += block) {
            const Index last = std::min(first + block, end);
            pack_panels(B.entries + first * full, B.stride, depth, std::min(last * full, B.columns) - first * full, right);
            for (Index s = 0; s < strips; ++s) {
                const Index rows = top(s + 1) - top(s);
                for (Index p = first; p < last; ++p) {
                    Near<Scalar> next = near;
                    for (int m = 0; m < near.count; ++m) {
                        next.matrices[m] += top(s) * near.stride + (p + 1) * full;
                    }
                    kernels[static_cast<std::size_t>(rows - 1)].multiply(
                        depth, left + top(s) * depth, right + (p - first) * full * depth, sums, next);
                    take(Tile<Scalar>{top(s), p * full, rows, std::min(full, B.columns - p * full), full, sums});
                }
            }
        }
    });
}

template <class Scalar>
void tiled_product(Scalar alpha, const Factor<Scalar>& A, const Factor<Scalar>& B, Scalar beta, Matrix<Scalar> C) {
    const Index stride = C.cols();
    const auto each = [&](const auto& entry) {
        each_tile(alpha, A, B, Near<Scalar>{{C.data()}, 1, stride}, [&](const Tile<Scalar>& tile) {
            for (Index i = 0; i < tile.rows; ++i) {
                Scalar* row = C.data() + (tile.top + i) * stride + tile.left;
                const Scalar* sums = tile.entries + i * tile.stride;
#pragma omp simd
                for (Index j = 0; j < tile.columns; ++j) {
                    row[j] = entry(row[j], sums[j]);
                }
            }
        });
    };
    if (beta == 0) {
        each([](Scalar, Scalar sum) { return sum; });
    } else {
        each([beta](Scalar c, Scalar sum) { return beta * c + sum; });
    }
}

// --- lanes ---------------------------------------------------------------------------------------------------------

#ifdef EQGEN_LANES

// The fewest rows, in bytes of a column, that lanes multiply; as measured on Zen 4 against MKL, unless the build did.
#ifndef EQGEN_LANE_BYTES
#define EQGEN_LANE_BYTES 64
#endif

// Whether lanes are the fastest way: few rows of X leave most of a register empty.
template <class Scalar>
bool suits_lanes(const Factor<Scalar>& X, const Factor<Scalar>& W) {
    return !X.transposed && W.transposed && X.rows >= EQGEN_LANE_BYTES / Index{sizeof(Scalar)};
}

// Terms of a sum for which X' is packed at a time; it stays in the second-level cache while W passes by.
template <class Scalar>
inline constexpr Index lane_depth = 2048 / Index{sizeof(Scalar)};

template <class Scalar>
struct LaneKernel {
    void (*several)(Index, const Scalar*, Index, const Scalar*, Scalar*, bool);
    void (*one)(Index, const Scalar*, Index, const Scalar*, Scalar*, bool);
    Index rows;
};

template <class Scalar, int V, bool half>
constexpr LaneKernel<Scalar> lane_kernel_of() {
    return {lane_kernel<Scalar, lane_rows<V - int{half}>, V, half>, lane_kernel<Scalar, 1, V, half>,
            lane_rows<V - int{half}>};
}

template <class Scalar, int... less>
constexpr auto lane_kernels(std::integer_sequence<int, less...>) {
    return std::array<LaneKernel<Scalar>, sizeof...(less)>{lane_kernel_of<Scalar, less + 1, false>()...};
}

// C (from column 0 on, rows r of it for the lanes) = alpha T' + beta C, for `rows` rows of T.
template <class Scalar>
void put_transposed(Scalar alpha, const Scalar* T, Index lanes, Index rows, Index count, Scalar beta, Scalar* C,
                    Index stride) {
    constexpr Index w = width<Scalar>;
    const auto put = [&](Scalar& c, Scalar sum) { c = beta == 0 ? alpha * sum : beta * c + alpha * sum; };
    for (Index n = 0; n < count; n += w) {
        const Index wide = std::min(w, count - n);
        Index r = 0;
        for (; r + w <= rows; r += w) {
            Register<Scalar> square[w];
            for (Index i = 0; i < w; ++i) {
                square[i] = load(T + (r + i) * lanes + n);
            }
            transpose<Scalar>(square);
            for (Index i = 0; i < wide; ++i) {
                Scalar* c = C + (n + i) * stride + r;
                store(c, beta == 0 ? alpha * square[i] : beta * load(c) + alpha * square[i]);
            }
        }
        for (; r < rows; ++r) {
            for (Index i = 0; i < wide; ++i) {
                put(C[(n + i) * stride + r], T[r * lanes + n + i]);
            }
        }
    }
}

// C = alpha X W' + beta C: the transposed product, in panels of as many rows of X as there are lanes.
template <class Scalar>
void lanes_product(Scalar alpha, const Factor<Scalar>& X, const Factor<Scalar>& W, Scalar beta, Matrix<Scalar> C) {
    constexpr Index w = width<Scalar>, half = w / 2;
    static constexpr auto kernels = lane_kernels<Scalar>(std::make_integer_sequence<int, most_lane_registers>{});
    static constexpr auto halved = lane_kernel_of<Scalar, most_lane_registers, true>();
    const Index count = X.rows, depth = X.columns;
    const Index panels = (count + most_lane_registers * w - 1) / (most_lane_registers * w);
    const Index most = ((count + panels - 1) / panels + half - 1) / half * half;  // lanes of a panel
    const Index reserved = (most + w - 1) / w * w;
    Workspace workspace;
    Slices<Scalar> slices(workspace, reserved * (lane_depth<Scalar> + W.columns));
    // In whole groups, so that a row of W meets the same kernel whatever the number of threads.
    constexpr Index group = 16;
    const Index groups = (W.columns + group - 1) / group;
    parallel_for(groups, group * count * depth / multiplications_per_entry, [&](Index first_group, Index last_group) {
        const Index begin = first_group * group, end = std::min(last_group * group, W.columns);
        Scalar* packed = slices.take();
        Scalar* sums = packed + reserved * lane_depth<Scalar>;
        for (Index first = 0; first < count; first += most) {
            const Index wanted = std::min(most, count - first), registers = (wanted + w - 1) / w, lanes = registers * w;
            const bool is_half = registers == most_lane_registers && wanted <= lanes - half;
            const LaneKernel<Scalar>& kernel = is_half ? halved : kernels[static_cast<std::size_t>(registers - 1)];
            for (Index k = 0; k < depth; k += lane_depth<Scalar>) {
                const Index terms = std::min(lane_depth<Scalar>, depth - k);
                pack_lanes(X.entries + first * X.stride + k, X.stride, wanted, terms, packed, lanes);
                const auto multiply = [&](const auto& some, Index r) {
                    some(terms, W.entries + r * W.stride + k, W.stride, packed, sums + (r - begin) * lanes, k > 0);
                };
                for (Index top = begin; top < end; top += group) {
                    const Index bottom = std::min(top + group, end);
                    Index r = top;
                    for (; r + kernel.rows <= bottom; r += kernel.rows) {
                        multiply(kernel.several, r);
                    }
                    for (; r < bottom; ++r) {
                        multiply(kernel.one, r);
                    }
                }
            }
            put_transposed(alpha, sums, lanes, end - begin, wanted, beta, C.data() + first * C.cols() + begin,
                           C.cols());
        }
    });
}

#endif  // EQGEN_LANES

}  // namespace eqgen

#endif  // EQGEN_TILES
