// Calls every kernel of the table of a C++ package on heap buffers of exactly the size that the table says.
//
// Kernels over sparse matrices are compared with what the table has over dense ones, and the linear maps among these,
// products at the positions of a pattern and transpositions with sums that are written down here. Built with sanitizers by tests/backends/test_sanitizers.py.
//
//   driver                  all kernels; the last line counts what was run and compared
//   driver --short input    a kernel whose last input is one entry too short: sanitizers must end the program
//   driver --short output   the same with its last output

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "calls.h"

namespace {

using namespace sanitized;

// --- what it should be -------------------------------------------------------------------------------------

std::map<std::string, std::int64_t> counts;

void compare(const std::string& what, const Dense& found, const Dense& expected, bool single) {
    if (found.rows != expected.rows || found.columns != expected.columns) {
        fail(what + " has another shape");
    }
    double scale = 1;
    for (const double entry : expected.entries) {
        scale = std::isfinite(entry) ? std::max(scale, std::abs(entry)) : scale;
    }
    const double allowed = scale * (single ? 1e-4 : 1e-11);
    for (std::size_t k = 0; k < found.entries.size(); ++k) {
        const double x = found.entries[k], y = expected.entries[k];
        if (!(std::abs(x - y) <= allowed || x == y || (std::isnan(x) && std::isnan(y)))) {
            fail(what + ": entry " + std::to_string(k) + " of " + std::to_string(found.entries.size()) + " is " +
                 std::to_string(x) + ", expected " + std::to_string(y));
        }
    }
    ++counts["compared"];
}

// Numbers that depend on the name and the shape alone, so that two kernels are given the same.
Dense drawn(const std::string& name, std::int64_t rows, std::int64_t columns) {
    std::seed_seq seed(name.begin(), name.end());
    std::mt19937 generator(seed);
    std::normal_distribution<double> normal;
    Dense result = zeros(rows, columns);
    for (double& entry : result.entries) {
        entry = static_cast<float>(normal(generator));
    }
    return result;
}

// X W' + b, and what belongs to it.
Dense naive_linear(const std::string& output, const Matrices& given) {
    const Dense& W = given.at("W");
    if (output == "Y") {
        const Dense &X = given.at("X"), &b = given.at("b");
        Dense Y = zeros(X.rows, W.rows);
        for (std::int64_t i = 0; i < Y.rows; ++i) {
            for (std::int64_t k = 0; k < Y.columns; ++k) {
                Y.at(i, k) = b.at(0, k);
                for (std::int64_t d = 0; d < X.columns; ++d) {
                    Y.at(i, k) += X.at(i, d) * W.at(k, d);
                }
            }
        }
        return Y;
    }
    const Dense &X = given.at("X"), &DY = given.at("DY");
    Dense DX = zeros(X.rows, X.columns), DW = zeros(W.rows, W.columns), Db = zeros(1, W.rows);
    for (std::int64_t i = 0; i < X.rows; ++i) {
        for (std::int64_t k = 0; k < W.rows; ++k) {
            Db.at(0, k) += DY.at(i, k);
            for (std::int64_t d = 0; d < W.columns; ++d) {
                DX.at(i, d) += DY.at(i, k) * W.at(k, d);
                DW.at(k, d) += DY.at(i, k) * X.at(i, d);
            }
        }
    }
    if (output == "DX") {
        return DX;
    }
    return output == "DW" ? DW : Db;
}

std::vector<const Kernel*> kernels() {
    std::int64_t count = 0;
    const Kernel* table = eqgen_kernels(&count);
    std::vector<const Kernel*> result;
    for (std::int64_t k = 0; k < count; ++k) {
        result.push_back(table + k);
    }
    return result;
}

const std::string columns_end = "_columns", entries_end = "_entries", sparse_begin = "sparse_";
const std::string sampled_end = "_sampled_step";

// The kernels over dense matrices that say together what one over sparse matrices computes.
std::vector<const Kernel*> dense_twins(const Kernel& kernel) {
    const std::string name = without_end(kernel.name, columns_end).substr(sparse_begin.size());
    const std::string whole = without_end(without_end(name, "_gradients"), "_input_gradient") + "_backward";
    std::vector<const Kernel*> result;
    for (const Kernel* other : kernels()) {
        if (!has_pattern(*other) && (other->name == name || other->name == whole)) {
            result.push_back(other);
        }
    }
    return result;
}

// A matrix of a kernel over dense ones, as a kernel over sparse ones has it.
Dense as_in(const Argument& sparse, const Argument& dense, const Dense& matrix, const Pattern& pattern) {
    if (ends_with(sparse.columns, entries_end)) {
        Dense entries = zeros(1, static_cast<std::int64_t>(pattern.positions.size()));
        for (std::size_t k = 0; k < pattern.positions.size(); ++k) {
            entries.entries[k] = matrix.at(pattern.positions[k].first, pattern.positions[k].second);
        }
        return entries;
    }
    const bool turned = text(sparse.rows) == dense.columns && text(sparse.columns) == dense.rows;
    return turned && text(dense.rows) != dense.columns ? transposed(matrix) : matrix;
}

template <class Scalar>
void check_sparse(Call call) {
    const bool single = std::is_same_v<Scalar, float>;
    const std::string name = call.kernel.name;
    std::map<std::string, Dense> expected;
    for (const Kernel* twin : dense_twins(call.kernel)) {
        Call dense{*twin, call.sizes, {}, nullptr, call.activation};
        bool complete = true;
        for (const Argument* argument : arguments(*twin)) {
            if (argument->kind == EQGEN_SIZE) {
                complete = complete && call.sizes.count(argument->name) != 0;
            } else if (argument->kind == EQGEN_INPUT && complete) {
                const Argument* own = argument_named(call.kernel, argument->name);
                Dense matrix = drawn(argument->name, call.extent(argument->rows), call.extent(argument->columns));
                if (own != nullptr && ends_with(own->columns, entries_end)) {
                    Dense masked = zeros(matrix.rows, matrix.columns);
                    for (const auto& [row, column] : call.pattern->positions) {
                        masked.at(row, column) = matrix.at(row, column);
                    }
                    matrix = masked;
                }
                if (own != nullptr) {
                    call.inputs[own->name] = as_in(*own, *argument, matrix, *call.pattern);
                }
                complete = complete && own != nullptr;
                dense.inputs[argument->name] = matrix;
            }
        }
        if (!complete) {
            continue;
        }
        for (const auto& [output, matrix] : run<Scalar>(dense)) {
            const Argument* own = argument_named(call.kernel, output);
            if (own == nullptr || own->kind != EQGEN_OUTPUT) {
                continue;
            }
            const Argument& theirs = *argument_named(*twin, output);
            if (text(twin->name) == "linear_forward" || text(twin->name) == "linear_backward") {
                compare(text(twin->name) + " " + output, matrix, naive_linear(output, dense.inputs), single);
            }
            expected[output] = as_in(*own, theirs, matrix, *call.pattern);
        }
    }
    for (const Argument* argument : arguments(call.kernel)) {
        if (argument->kind == EQGEN_INPUT && call.inputs.count(argument->name) == 0) {
            call.inputs[argument->name] =
                drawn(argument->name, call.extent(argument->rows), call.extent(argument->columns));
        }
    }
    for (const bool in_place : {false, true}) {
        call.in_place = in_place;
        for (const auto& [output, matrix] : run<Scalar>(call)) {
            if (expected.count(output) == 0) {
                fail(name + ": no kernel over dense matrices has the output " + output);
            }
            compare(name + " " + output, matrix, expected[output], single);
        }
        ++counts["calls"];
    }
}

// The entries of A B' at the positions of a pattern, in one row.
Dense sampled(const Dense& A, const Dense& B, const Pattern& pattern) {
    Dense result = zeros(1, static_cast<std::int64_t>(pattern.positions.size()));
    for (std::size_t e = 0; e < pattern.positions.size(); ++e) {
        const auto& [row, column] = pattern.positions[e];
        for (std::int64_t p = 0; p < A.columns; ++p) {
            result.entries[e] += A.at(row, p) * B.at(column, p);
        }
    }
    return result;
}

// A product at the positions of a pattern, and an update in which it takes the place of the gradient.
template <class Scalar>
void check_sampled(Call call) {
    const std::string name = call.kernel.name;
    for (const Argument* argument : arguments(call.kernel)) {
        if (argument->kind == EQGEN_INPUT) {
            call.inputs[argument->name] =
                drawn(argument->name, call.extent(argument->rows), call.extent(argument->columns));
            for (double& entry : call.inputs[argument->name].entries) {
                entry = std::abs(entry);  // some states are means of squares
            }
        }
    }
    const Dense product = sampled(call.inputs.at("A"), call.inputs.at("B"), *call.pattern);
    Matrices expected{{"C", product}};
    for (const Kernel* twin : kernels()) {
        if (twin->name != without_end(name, sampled_end) + "_step") {
            continue;
        }
        Call dense{*twin, {{"M", 1}, {"N", product.columns}}, {}};
        for (const Argument* argument : arguments(*twin)) {
            if (argument->kind == EQGEN_INPUT) {
                const bool is_given = call.inputs.count(argument->name) != 0;
                dense.inputs[argument->name] = is_given ? call.inputs.at(argument->name) : product;
            }
        }
        expected = run<Scalar>(dense);
    }
    for (const bool in_place : {false, true}) {
        call.in_place = in_place;
        for (const auto& [output, matrix] : run<Scalar>(call)) {
            if (expected.count(output) == 0) {
                fail(name + ": nothing to compare the output " + output + " with");
            }
            compare(name + " " + output, matrix, expected[output], std::is_same_v<Scalar, float>);
        }
        ++counts["calls"];
    }
}

// Y = X', with fewer rows than X has columns, and more columns than X has rows, which are its last one times 0.5.
template <class Scalar>
void check_transposed(Call call) {
    const std::int64_t M = call.sizes["M"], N = call.sizes["N"];
    call.sizes["P"] = std::min(call.sizes["P"], N);
    const Dense X = drawn("X", M, N);
    call.inputs["X"] = X;
    Dense Y = zeros(call.sizes["P"], call.sizes["Q"]);
    for (std::int64_t i = 0; i < Y.rows; ++i) {
        for (std::int64_t j = 0; j < Y.columns && M > 0; ++j) {
            Y.at(i, j) = j < M ? X.at(j, i) : 0.5 * X.at(M - 1, i);
        }
    }
    compare("transposed", run<Scalar>(call).at("Y"), Y, std::is_same_v<Scalar, float>);
    ++counts["calls"];
}

template <class Scalar>
void check_dense(Call call) {
    if (text(call.kernel.name) == "transposed") {
        return check_transposed<Scalar>(call);
    }

    for (const Argument* argument : arguments(call.kernel)) {
        if (argument->kind == EQGEN_INPUT) {
            call.inputs[argument->name] =
                drawn(argument->name, call.extent(argument->rows), call.extent(argument->columns));
        }
    }
    const Matrices apart = run<Scalar>(call);
    call.in_place = true;
    for (const auto& [output, matrix] : run<Scalar>(call)) {
        compare(text(call.kernel.name) + " " + output + " in place", matrix, apart.at(output),
                std::is_same_v<Scalar, float>);
    }
    counts["calls"] += 2;
}

// --- what is run -------------------------------------------------------------------------------------------

Pattern pattern(std::int64_t rows, std::int64_t columns, int kind, int bits, bool shifted) {
    std::mt19937 generator(static_cast<unsigned>(rows * 1000 + columns));
    std::bernoulli_distribution third(0.3);
    std::vector<std::pair<std::int64_t, std::int64_t>> positions;
    for (std::int64_t row = 0; row < rows; ++row) {
        for (std::int64_t column = 0; column < columns; ++column) {
            const bool is_stored[] = {third(generator), false, true, row % 2 == 1, column == columns - 1};
            if (is_stored[kind]) {
                positions.emplace_back(row, column);
            }
        }
    }
    return {rows, columns, positions, bits, shifted};
}
constexpr int pattern_kinds = 5;  // random, empty, full, full and empty rows, the last column

Call sparse_call(const Kernel& kernel, std::int64_t K, std::int64_t D, std::int64_t N, const Pattern& given) {
    const Argument* pattern = pattern_of(kernel);
    Call call{kernel, {{pattern->rows, K}, {pattern->columns, D}}, {}, &given};
    int others = 0;
    for (const Argument* argument : arguments(kernel)) {
        if (argument->kind == EQGEN_SIZE && ends_with(argument->name, entries_end)) {
            call.sizes[argument->name] = given.c.entries;
        } else if (argument->kind == EQGEN_SIZE && call.sizes.count(argument->name) == 0) {
            call.sizes[argument->name] = N;
            ++others;
        }
    }
    if (others > 1) {
        fail(text(kernel.name) + " has a size that this program does not know");
    }
    return call;
}

// K, D and N around what the kernels treat in different ways; the last has work for several threads.
constexpr std::int64_t shapes[][3] = {{1, 1, 1},  {3, 5, 1},   {4, 9, 7},   {4, 9, 15},   {7, 3, 16},  {6, 11, 17},
                                      {5, 8, 31}, {9, 4, 100}, {3, 4, 129}, {2, 6, 300},  {17, 1, 33}, {1, 33, 65},
                                      {0, 4, 3},  {4, 0, 3},   {3, 4, 0},   {96, 130, 64}};

void run_sparse(const Kernel& kernel) {
    std::int64_t number = 0;
    for (const auto& [K, D, N] : shapes) {
        for (int kind = 0; kind < pattern_kinds; ++kind) {
            if (K * D > 1000 && (kind == 1 || kind == 3)) {
                continue;
            }
            for (const int bits : {32, 64}) {
                const bool shifted = ++number % 2 == 0;
                const Pattern given = pattern(K, D, kind, bits, shifted);
                Call call = sparse_call(kernel, K, D, N, given);
                call.activation = number % EQGEN_ACTIVATIONS;
                call.shifted = shifted;
                eqgen_set_threads(K * D > 1000 ? 3 : 1);
                if (text(kernel.name).rfind(sparse_begin, 0) == 0) {
                    check_sparse<float>(call);
                    check_sparse<double>(call);
                } else {
                    check_sampled<float>(call);
                    check_sampled<double>(call);
                }
            }
        }
    }
}

void run_dense(const Kernel& kernel) {
    constexpr std::int64_t lengths[] = {0, 1, 2, 5, 14, 16, 17, 33, 65, 130};
    std::mt19937 generator(7);
    for (int round = 0; round < 14; ++round) {
        Call call{kernel, {}, {}};
        for (const Argument* argument : arguments(kernel)) {
            if (argument->kind == EQGEN_SIZE) {
                // All are 0 or 1 at first; later all are large, then any.
                const std::size_t any = generator() % std::size(lengths);
                call.sizes[argument->name] = lengths[round < 2 ? round : round < 4 ? 6 + any % 4 : any];
            }
        }
        call.activation = round % EQGEN_ACTIVATIONS;
        call.shifted = round % 2 == 1;
        eqgen_set_threads(1 + round % 3);
        check_dense<float>(call);
        check_dense<double>(call);
    }
}

// Never returns where sanitizers see what is outside of a buffer.
void run_short(eqgen_kind kind) {
    for (const Kernel* kernel : kernels()) {
        if (has_pattern(*kernel)) {
            const Pattern given = pattern(5, 8, 2, 32, false);
            Call call = sparse_call(*kernel, 5, 8, 17, given);
            for (const Argument* argument : arguments(*kernel)) {
                if (argument->kind == EQGEN_INPUT) {
                    call.inputs[argument->name] =
                        drawn(argument->name, call.extent(argument->rows), call.extent(argument->columns));
                }
                call.shorter = argument->kind == kind ? argument->name : call.shorter;
            }
            run<float>(call);
        }
    }
}

}  // namespace

int main(int count, char** arguments_given) {
    if (count == 3 && text(arguments_given[1]) == "--short") {
        run_short(text(arguments_given[2]) == "input" ? EQGEN_INPUT : EQGEN_OUTPUT);
        return 0;
    }
    for (const Kernel* kernel : kernels()) {
        if (has_pattern(*kernel)) {
            run_sparse(*kernel);
            ++counts["sparse"];
        } else {
            run_dense(*kernel);
            ++counts["dense"];
        }
    }
    std::printf("%lld sparse %lld dense %lld calls %lld compared\n", static_cast<long long>(counts["sparse"]),
                static_cast<long long>(counts["dense"]), static_cast<long long>(counts["calls"]),
                static_cast<long long>(counts["compared"]));
    return 0;
}
