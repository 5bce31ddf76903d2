// The products of a sparse layer, timed with each kind of kernel: a part of what `eqgen doctor --tune` builds.
#include <chrono>
#include <cstdint>
#include <exception>
#include <vector>

#include "sparse.hpp"

namespace eqgen {
namespace {

enum Way { by_sparse_kernels, by_dense_kernels, by_sparse_library };
enum Products { product, all_products };

// S (K x D) with about so many of a thousand entries, operands of N columns.
template <class Scalar>
void measure(Way way, Products products, Index N, Index D, Index K, Index permille, int runs, double* seconds) {
    std::uint32_t state = 1;
    const auto draw = [&] { return (state = state * 1664525u + 1013904223u) >> 8; };
    const auto entries = [&](Index count) {
        std::vector<Scalar> made(static_cast<std::size_t>(count));
        for (Scalar& entry : made) {
            entry = Scalar(draw()) / Scalar(1 << 24) - Scalar(0.5);
        }
        return made;
    };
    std::vector<std::int32_t> pointers{0}, columns;
    for (Index row = 0; row < K; ++row) {
        for (Index column = 0; column < D; ++column) {
            if (static_cast<Index>(draw() % 1000) < permille) {
                columns.push_back(static_cast<std::int32_t>(column));
            }
        }
        pointers.push_back(static_cast<std::int32_t>(columns.size()));
    }
    const auto count = static_cast<Index>(columns.size());
    const Pattern S{K, D, count, false, pointers.data(), columns.data()};
    std::vector<Scalar> w = entries(count), dw = entries(count), x = entries(D * N), dx = entries(D * N);
    std::vector<Scalar> z = entries(K * N), dz = entries(K * N);
    const Matrix<Scalar> W(w.data(), 1, count), DW(dw.data(), 1, count), X(x.data(), D, N), DX(dx.data(), D, N);
    const Matrix<Scalar> Z(z.data(), K, N), DZ(dz.data(), K, N);
    Crossovers& from = crossovers();
    const Crossovers before = from;
    from = {way == by_sparse_library ? 0 : Crossovers::never, way == by_dense_kernels ? 0 : Crossovers::never};
    for (int run = -1; run < runs; ++run) {  // the first one warms up
        const auto start = std::chrono::steady_clock::now();
        each_rows<Scalar>(S, N, [&](Rows rows) { sparse_product<Scalar>(W, S, X, rows, Z); });
        if (products == all_products) {
            sparse_transposed_product<Scalar>(W, S, DZ, DX);
            each_rows<Scalar>(S, N, [&](Rows rows) { sampled_product<Scalar>(DZ, X, S, rows, DW); });
        }
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
        if (run >= 0) {
            seconds[run] = passed.count();
        }
    }
    from = before;
}

}  // namespace
}  // namespace eqgen

// Fills `seconds` with the times of `runs` runs; 1 where there are no kernels for it, 2 when it failed.
extern "C" __attribute__((visibility("default"))) int eqgen_measure_sparse(int way, int products, int is_double,
                                                                           std::int64_t N, std::int64_t D,
                                                                           std::int64_t K, std::int64_t permille,
                                                                           int runs, double* seconds) {
    using namespace eqgen;
    if (way == by_sparse_library && !has_sparse_library()) {
        return 1;
    }
    try {
        const auto measured = is_double != 0 ? measure<double> : measure<float>;
        measured(Way(way), Products(products), N, D, K, permille, runs, seconds);
        return 0;
    } catch (const std::exception&) {
        return 2;
    }
}
