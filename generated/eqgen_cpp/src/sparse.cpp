#include "sparse.hpp"

#include <algorithm>

#include "library_sparse.hpp"
#include "sparse_rows.hpp"

#ifndef EQGEN_DENSE_PERMILLE
#define EQGEN_DENSE_PERMILLE 700
#endif
#ifndef EQGEN_SPARSE_LIBRARY_PERMILLE
#define EQGEN_SPARSE_LIBRARY_PERMILLE 1001
#endif

namespace eqgen {
namespace {

// Rows of the dense operand that are packed, in bytes: they stay near while entries of many rows of S meet them. As few
// as the first-level cache holds, or more where a row of S would have too few entries among them.
constexpr Index least_packed = 24 * 1024, most_packed = 64 * 1024;
constexpr double entries_wanted = 10;
// Entries that a row of S must have among the packed rows, in the mean, to be worth the packing.
constexpr double entries_needed = 3;

// Rows of S that are computed together where nothing is packed.
constexpr Index direct_rows = 32;

}  // namespace

Crossovers& crossovers() {
    static Crossovers current{EQGEN_SPARSE_LIBRARY_PERMILLE, EQGEN_DENSE_PERMILLE};
    return current;
}

Index pack_height(const Pattern& S, Index row_bytes) {
    const auto wanted = static_cast<Index>(entries_wanted / std::max(S.density(), 1e-6));
    return std::clamp(wanted, least_packed / row_bytes, most_packed / row_bytes);
}

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

}  // namespace eqgen
