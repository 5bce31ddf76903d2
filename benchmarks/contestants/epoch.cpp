// An epoch of training in C++ alone, by the C interface of a generated package: the row "C++" of the paper's Table 2.
//
//   epoch TASK RESULT
//
// TASK holds int64 numbers (examples, batch, steps to warm up, layers, sizes of the layers), then float32 matrices in
// rows: all inputs, all targets in one-hot form, and W (outputs x inputs) and b of each layer. RESULT gets the trained W and
// b; standard output the seconds of warming up and of the epoch.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "eqgen_cpp.h"

namespace {

using Entries = std::vector<float>;

constexpr double learning_rate = 0.01, momentum = 0.9;
constexpr eqgen_activation relu{EQGEN_ACTIVATION_RELU, nullptr};

void check(int code) {
    if (code != EQGEN_OK) {
        std::fprintf(stderr, "%s\n", eqgen_last_error());
        std::exit(1);
    }
}

struct Layer {
    std::int64_t D, K;
    bool is_last;
    Entries W, b, velocity_W, velocity_b, Y, Z, DZ, Db, DX;

    Layer(std::int64_t inputs, std::int64_t outputs, std::int64_t batch, bool last)
        : D(inputs), K(outputs), is_last(last), W(size(K * D)), b(size(K)), velocity_W(size(K * D)),
          velocity_b(size(K)), Y(size(batch * K)), Z(size(batch * K)), DZ(size(batch * K)), Db(size(K)),
          DX(size(batch * D)) {}

    static std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }

    const float* forward(std::int64_t N, const float* X) {
        check(is_last ? eqgen_linear_forward_f32(N, D, K, X, W.data(), b.data(), Y.data())
                      : eqgen_activation_forward_f32(N, D, K, X, W.data(), b.data(), &relu, Y.data(), Z.data()));
        return Y.data();
    }

    const float* backward(std::int64_t N, const float* X, const float* DY, bool is_first) {
        const float* gradient = is_last ? DY : DZ.data();
        check(is_last ? eqgen_linear_gradients_f32(N, K, DY, Db.data())
                      : eqgen_activation_gradients_f32(N, K, Z.data(), DY, &relu, Db.data(), DZ.data()));
        if (!is_first) {
            check(eqgen_linear_input_gradient_f32(K, D, N, W.data(), gradient, DX.data()));
        }
        check(eqgen_nesterov_product_step_f32(K, D, N, W.data(), gradient, X, velocity_W.data(), momentum,
                                              learning_rate, W.data(), velocity_W.data()));
        check(eqgen_nesterov_step_f32(1, K, b.data(), Db.data(), velocity_b.data(), momentum, learning_rate, b.data(),
                                      velocity_b.data()));
        return DX.data();
    }
};

void step(std::vector<Layer>& layers, std::int64_t N, const float* X, const float* T) {
    std::vector<const float*> inputs{X};
    for (Layer& layer : layers) {
        inputs.push_back(layer.forward(N, inputs.back()));
    }
    const std::int64_t K = layers.back().K;
    float loss = 0;
    static Entries gradient;
    gradient.resize(static_cast<std::size_t>(N * K));
    check(eqgen_softmax_cross_entropy_loss_gradient_one_hot_and_value_f32(N, K, inputs.back(), T, &loss,
                                                                          gradient.data()));
    for (float& entry : gradient) {
        entry /= static_cast<float>(N);
    }
    const float* DY = gradient.data();
    for (std::size_t k = layers.size(); k-- > 0;) {
        DY = layers[k].backward(N, inputs[k], DY, k == 0);
    }
}

// The last batch may be smaller.
double seconds(std::vector<Layer>& layers, std::int64_t examples, std::int64_t batch, const Entries& X,
               const Entries& T) {
    const auto start = std::chrono::steady_clock::now();
    for (std::int64_t first = 0; first < examples; first += batch) {
        const std::int64_t N = std::min(batch, examples - first);
        step(layers, N, X.data() + first * layers.front().D, T.data() + first * layers.back().K);
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

template <class Number>
void read(std::ifstream& file, Number* to, std::int64_t count) {
    if (!file.read(reinterpret_cast<char*>(to), static_cast<std::streamsize>(sizeof(Number)) * count)) {
        std::fprintf(stderr, "the task is too short\n");
        std::exit(1);
    }
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) {
        std::fprintf(stderr, "usage: epoch TASK RESULT\n");
        return 2;
    }
    std::ifstream task(arguments[1], std::ios::binary);
    std::int64_t head[4];
    read(task, head, 4);
    const auto [examples, batch, warm_up, depth] = head;
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(depth) + 1);
    read(task, sizes.data(), depth + 1);
    Entries X(static_cast<std::size_t>(examples * sizes.front())), T(static_cast<std::size_t>(examples * sizes.back()));
    read(task, X.data(), examples * sizes.front());
    read(task, T.data(), examples * sizes.back());
    std::vector<Layer> layers;
    for (std::size_t k = 0; k + 1 < sizes.size(); ++k) {
        layers.emplace_back(sizes[k], sizes[k + 1], batch, k + 2 == sizes.size());
        read(task, layers.back().W.data(), sizes[k] * sizes[k + 1]);
        read(task, layers.back().b.data(), sizes[k + 1]);
    }
    std::vector<Layer> others = layers;  // the same network, thrown away
    std::printf("%.9f ", seconds(others, std::min(examples, warm_up * batch), batch, X, T));
    std::printf("%.9f\n", seconds(layers, examples, batch, X, T));
    std::ofstream result(arguments[2], std::ios::binary);
    for (const Layer& layer : layers) {
        for (const Entries* entries : {&layer.W, &layer.b}) {
            result.write(reinterpret_cast<const char*>(entries->data()),
                         static_cast<std::streamsize>(entries->size() * sizeof(float)));
        }
    }
    return result.good() ? 0 : 1;
}
