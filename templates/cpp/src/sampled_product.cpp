#include "product.hpp"
#include "sparse_rows.hpp"

namespace eqgen {
namespace {

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

// result[e] (+)= the sum of dot(right(e)), for the entries from `entry` to `stop` as long as they are `inside`; the first
// that is not.
template <int vectors, bool adds, class Scalar, class Inside, class Right>
EQGEN_INLINE Index sample_entries(const Dot<vectors, Scalar>& dot, Index entry, Index stop, const Inside& inside,
                                  Index last, typename Wide<Scalar>::Bits kept, const Right& right, Scalar* result) {
    using W = Wide<Scalar>;
    constexpr Index together = 16 / sizeof(Scalar);
    for (; entry + together <= stop && inside(entry + together - 1); entry += together) {
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
    for (; entry < stop && inside(entry); ++entry) {
        const Scalar sum = W::sum(dot(right(entry), last, kept));
        result[entry] = adds ? result[entry] + sum : sum;
    }
    return entry;
}

template <int vectors, bool adds, class Scalar, class Integer>
EQGEN_INLINE void sample_direct(const Compressed<Scalar, Integer>& S, Rows rows, const Scalar* A, const Scalar* B,
                                Index stride, const Strip& at, typename Wide<Scalar>::Bits kept, Scalar* result) {
    for (Index row = rows.begin; row < rows.end; ++row) {
        const Dot<vectors, Scalar> dot(A + row * stride + at.begin, at.width);
        const auto right = [&](Index entry) { return B + S.column(entry) * stride + at.begin; };
        const auto inside = [](Index) { return true; };
        sample_entries<vectors, adds>(dot, S.begin(row), S.end(row), inside, at.width - Wide<Scalar>::lanes, kept,
                                      right, result);
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
            const Dot<vectors, Scalar> dot(A + row * stride + at.begin, at.width);
            const auto inside = [&](Index entry) { return S.column(entry) < end; };
            const auto right = [&](Index entry) { return packed + (S.column(entry) - begin) * width; };
            Index& entry = next(row - rows.begin);
            entry = sample_entries<vectors, adds>(dot, entry, S.end(row), inside, width - Wide<Scalar>::lanes, kept,
                                                  right, result);
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

}  // namespace

template <class Scalar>
void sampled_product(As<ConstMatrix<Scalar>> A, As<ConstMatrix<Scalar>> B, const Pattern& S, Rows rows,
                     Matrix<Scalar> result) {
    check_count(result.cols(), S);
    const Index width = A.cols(), lanes = Wide<Scalar>::lanes;
    with_indices(S, [&](auto integer) {
        const Compressed<Scalar, decltype(integer)> by_rows(result.data(), S);
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

#define EQGEN_INSTANCES(Scalar)                                                                            \
    template void sampled_product<Scalar>(ConstMatrix<Scalar>, ConstMatrix<Scalar>, const Pattern&, Rows, \
                                          Matrix<Scalar>);
EQGEN_INSTANCES(float)
EQGEN_INSTANCES(double)
#undef EQGEN_INSTANCES

}  // namespace eqgen
