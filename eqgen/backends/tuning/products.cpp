// The matrix products of a training step, timed: what `eqgen doctor --tune` builds with each library.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <vector>

#include "library_product.hpp"
#include "packed_product.hpp"
#include "product.hpp"
#include "threads.hpp"

namespace eqgen {
namespace {

enum Way { by_library, by_own_kernels };
enum Product { forward, weight_gradient, weight_update, input_gradient };

// Whether there are kernels of our own for it, whatever suits them.
bool is_there([[maybe_unused]] Product product) {
#if defined(EQGEN_LANES)
    return true;
#elif defined(EQGEN_TILES)
    return product != forward;
#else
    return false;
#endif
}

template <class Scalar>
void multiply(Way way, [[maybe_unused]] Product product, Scalar alpha, const Factor<Scalar>& A,
              const Factor<Scalar>& B, Scalar beta, Matrix<Scalar> C) {
    if (way == by_library) {
        return library_product<Scalar>(alpha, A, B, beta, C);
    }
#ifdef EQGEN_LANES
    if (product == forward) {
        return lanes_product<Scalar>(alpha, A, B, beta, C);
    }
#endif
#ifdef EQGEN_TILES
    tiled_product<Scalar>(alpha, A, B, beta, C);
#endif
}

// X (N x D), W (K x D), DZ (N x K).
template <class Scalar>
void measure(Way way, Product product, Index N, Index D, Index K, int runs, double* seconds) {
    const auto entries = [](Index rows, Index columns) {
        std::vector<Scalar> made(static_cast<std::size_t>(rows * columns));
        std::uint32_t state = 1;
        for (Scalar& entry : made) {
            state = state * 1664525u + 1013904223u;
            entry = Scalar(state >> 8) / Scalar(1 << 24) - Scalar(0.5);
        }
        return made;
    };
    std::vector<Scalar> x = entries(N, D), w = entries(K, D), dz = entries(N, K);
    std::vector<Scalar> large = entries(std::max(N, K), std::max(D, K));
    const Matrix<Scalar> X(x.data(), N, D), W(w.data(), K, D), DZ(dz.data(), N, K);
    const auto once = [&] {
        switch (product) {
            case forward:
                return multiply<Scalar>(way, product, 1, X, W.transpose(), 0, {large.data(), N, K});
            case weight_gradient:
                return multiply<Scalar>(way, product, 1, DZ.transpose(), X, 0, {large.data(), K, D});
            case weight_update:
                return multiply<Scalar>(way, product, Scalar(-1e-6), DZ.transpose(), X, 1, W);
            case input_gradient:
                return multiply<Scalar>(way, product, 1, DZ, W, 0, {large.data(), N, D});
        }
    };
    for (int run = -1; run < runs; ++run) {  // the first one warms up
        // As in a package, loops of ours stand between the products: their threads may be in the way of a library's.
        Scalar* loop = dz.data();
        parallel_for(N * K, 1, [&](Index begin, Index end) {
            for (Index k = begin; k < end; ++k) {
                loop[k] = -loop[k];
            }
        });
        const auto start = std::chrono::steady_clock::now();
        once();
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
        if (run >= 0) {
            seconds[run] = passed.count();
        }
    }
}

}  // namespace
}  // namespace eqgen

// Fills `seconds` with the times of `runs` products; 1 where there are no kernels for it, 2 when it failed.
extern "C" __attribute__((visibility("default"))) int eqgen_measure(int way, int product, int is_double, std::int64_t N,
                                                                    std::int64_t D, std::int64_t K, int runs,
                                                                    double* seconds) {
    using namespace eqgen;
    if (way == by_own_kernels && !is_there(Product(product))) {
        return 1;
    }
    try {
        const auto measured = is_double != 0 ? measure<double> : measure<float>;
        measured(Way(way), Product(product), N, D, K, runs, seconds);
        return 0;
    } catch (const std::exception&) {
        return 2;
    }
}
