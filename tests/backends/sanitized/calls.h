// One call of a kernel by the table of its package: values of every kind, on heap buffers of exactly the right size.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "eqgen_cpp.h"

namespace sanitized {

using Kernel = eqgen_kernel;
using Argument = eqgen_argument;
using Sizes = std::map<std::string, std::int64_t>;

struct Dense {
    std::int64_t rows = 0, columns = 0;
    std::vector<double> entries;
    double& at(std::int64_t i, std::int64_t j) { return entries[static_cast<std::size_t>(i * columns + j)]; }
    double at(std::int64_t i, std::int64_t j) const { return entries[static_cast<std::size_t>(i * columns + j)]; }
};

inline Dense zeros(std::int64_t rows, std::int64_t columns) {
    return {rows, columns, std::vector<double>(static_cast<std::size_t>(rows * columns))};
}

inline Dense transposed(const Dense& X) {
    Dense Y = zeros(X.columns, X.rows);
    for (std::int64_t i = 0; i < X.rows; ++i) {
        for (std::int64_t j = 0; j < X.columns; ++j) {
            Y.at(j, i) = X.at(i, j);
        }
    }
    return Y;
}

using Matrices = std::map<std::string, Dense>;

[[noreturn]] inline void fail(const std::string& what) {
    std::fprintf(stderr, "%s\n", what.c_str());
    std::exit(1);
}

inline std::string text(const char* name) { return name == nullptr ? "" : name; }

inline bool ends_with(const std::string& name, const std::string& end) {
    return name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
}

inline std::string without_end(const std::string& name, const std::string& end) {
    return ends_with(name, end) ? name.substr(0, name.size() - end.size()) : name;
}

inline std::vector<const Argument*> arguments(const Kernel& kernel) {
    std::vector<const Argument*> result;
    for (std::int64_t a = 0; a < kernel.count; ++a) {
        result.push_back(kernel.arguments + a);
    }
    return result;
}

inline const Argument* argument_named(const Kernel& kernel, const std::string& name) {
    for (const Argument* argument : arguments(kernel)) {
        if (argument->name == name) {
            return argument;
        }
    }
    return nullptr;
}

inline const Argument* pattern_of(const Kernel& kernel) {
    for (const Argument* argument : arguments(kernel)) {
        if (argument->kind == EQGEN_PATTERN) {
            return argument;
        }
    }
    return nullptr;
}

inline bool has_pattern(const Kernel& kernel) { return pattern_of(kernel) != nullptr; }

// --- memory ------------------------------------------------------------------------------------------------

// A block of the heap that ends where its last entry ends. Half of them do not begin at a multiple of 16 bytes.
struct Buffer {
    std::unique_ptr<unsigned char[]> memory;
    void* data = nullptr;

    Buffer(std::size_t count, std::size_t size, bool shifted) {
        const std::size_t before = shifted ? size : 0;
        memory.reset(new unsigned char[before + count * size]);
        data = memory.get() + before;
    }
};

// A pattern and the memory of its arrays, of 32 or 64 bits.
struct Pattern {
    std::vector<std::pair<std::int64_t, std::int64_t>> positions;  // rows and columns, in order
    std::vector<Buffer> memory;
    eqgen_pattern c;

    Pattern(std::int64_t rows, std::int64_t columns, std::vector<std::pair<std::int64_t, std::int64_t>> where, int bits,
            bool shifted)
        : positions(std::move(where)) {
        const auto count = static_cast<std::int64_t>(positions.size());
        std::vector<std::int64_t> row_pointers(static_cast<std::size_t>(rows) + 1);
        std::vector<std::int64_t> column_numbers;
        for (const auto& [row, column] : positions) {
            ++row_pointers[static_cast<std::size_t>(row) + 1];
            column_numbers.push_back(column);
        }
        for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
            row_pointers[row + 1] += row_pointers[row];
        }
        const auto stored = [&](const std::vector<std::int64_t>& numbers) -> const void* {
            memory.emplace_back(numbers.size(), static_cast<std::size_t>(bits / 8), shifted);
            for (std::size_t k = 0; k < numbers.size(); ++k) {
                if (bits == 64) {
                    static_cast<std::int64_t*>(memory.back().data)[k] = numbers[k];
                } else {
                    static_cast<std::int32_t*>(memory.back().data)[k] = static_cast<std::int32_t>(numbers[k]);
                }
            }
            return memory.back().data;
        };
        c = {rows, columns, count, bits, stored(row_pointers), stored(column_numbers)};
    }
};

// --- one call ----------------------------------------------------------------------------------------------

// What a kernel is called with; matrices are given by name, in the shape of the kernel.
struct Call {
    const Kernel& kernel;
    Sizes sizes;
    Matrices inputs;
    const Pattern* pattern = nullptr;
    std::int64_t activation = 0;
    bool shifted = false, in_place = false;
    std::string shorter = {};  // the argument that is one entry too short

    std::int64_t extent(const char* name) const {
        const auto found = sizes.find(name);
        return found == sizes.end() ? std::atoll(name) : found->second;
    }
    bool is_empty() const {
        return std::any_of(sizes.begin(), sizes.end(), [](const auto& size) { return size.second == 0; });
    }
};

inline bool mentions(const std::string& names, const std::string& name) {
    return ("," + names + ",").find("," + name + ",") != std::string::npos;
}

template <class Scalar>
Matrices run(const Call& call) {
    const auto all = arguments(call.kernel);
    std::vector<eqgen_value> values(all.size());
    std::map<std::string, Buffer> buffers;
    std::map<std::string, std::string> shared;  // an output, and the input whose memory it takes
    std::vector<double> numbers(16, 0.5);
    const eqgen_activation activation{call.activation, numbers.data()};
    bool has_indices = false;
    const auto count_of = [&](const Argument* argument) {
        const std::int64_t count = call.extent(argument->rows) * call.extent(argument->columns);
        return static_cast<std::size_t>(argument->name == call.shorter ? count - 1 : count);
    };
    for (std::size_t a = 0; a < all.size(); ++a) {
        const Argument* argument = all[a];
        switch (argument->kind) {
            case EQGEN_SIZE:
                values[a].integer = call.sizes.at(argument->name);
                break;
            case EQGEN_INPUT: {
                const Buffer& buffer =
                    buffers.try_emplace(argument->name, count_of(argument), sizeof(Scalar), call.shifted).first->second;
                const std::vector<double>& entries = call.inputs.at(argument->name).entries;
                std::copy_n(entries.begin(), count_of(argument), static_cast<Scalar*>(buffer.data));
                values[a].input = buffer.data;
                break;
            }
            case EQGEN_INDEX: {
                // The table does not say what the numbers count: they are valid for every size that is not zero.
                has_indices = true;
                std::int64_t bound = 1 << 20;
                for (const auto& size : call.sizes) {
                    bound = std::min(bound, std::max<std::int64_t>(size.second, 1));
                }
                const Buffer& buffer =
                    buffers.try_emplace(argument->name, count_of(argument), sizeof(std::int64_t), false).first->second;
                for (std::size_t k = 0; k < count_of(argument); ++k) {
                    static_cast<std::int64_t*>(buffer.data)[k] = static_cast<std::int64_t>(k) % bound;
                }
                values[a].input = buffer.data;
                break;
            }
            case EQGEN_ACTIVATION:
                values[a].input = &activation;
                break;
            case EQGEN_NUMBER:
                values[a].number = 0.5;
                break;
            case EQGEN_OUTPUT: {
                for (const Argument* input : all) {
                    const auto taken = [&](const auto& pair) { return pair.second == input->name; };
                    if (call.in_place && mentions(text(argument->replaces), input->name) &&
                        std::none_of(shared.begin(), shared.end(), taken)) {
                        shared[argument->name] = input->name;
                        break;
                    }
                }
                if (shared.count(argument->name) != 0) {
                    values[a].output = buffers.at(shared[argument->name]).data;
                } else {
                    const std::size_t count = count_of(argument);
                    const Buffer& buffer =
                        buffers.try_emplace(argument->name, count, sizeof(Scalar), call.shifted).first->second;
                    // What was there does not matter: NaN would spread.
                    std::fill_n(static_cast<Scalar*>(buffer.data), count, static_cast<Scalar>(NAN));
                    values[a].output = buffer.data;
                }
                break;
            }
            case EQGEN_PATTERN:
                values[a].input = &call.pattern->c;
                break;
            default:
                fail(text(call.kernel.name) + ": an argument of a kind that this program does not know");
        }
    }
    const int code = std::is_same_v<Scalar, float> ? call.kernel.f32(values.data()) : call.kernel.f64(values.data());
    if (code != EQGEN_OK && !(code == EQGEN_INDEX_OUT_OF_RANGE && has_indices && call.is_empty())) {
        fail(text(call.kernel.name) + " returns " + std::to_string(code) + ": " + eqgen_last_error());
    }
    Matrices outputs;
    for (std::size_t a = 0; a < all.size(); ++a) {
        if (all[a]->kind == EQGEN_OUTPUT) {
            Dense result = zeros(call.extent(all[a]->rows), call.extent(all[a]->columns));
            if (code == EQGEN_OK) {
                std::copy_n(static_cast<const Scalar*>(values[a].output), count_of(all[a]), result.entries.begin());
            }
            outputs[all[a]->name] = std::move(result);
        }
    }
    return outputs;
}

}  // namespace sanitized
