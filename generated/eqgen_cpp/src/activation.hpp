// Activations as arguments of kernels.
#pragma once

#include <cstdint>

#include "matrix.hpp"
#include "scalar.hpp"

namespace eqgen {

// Which activation, and the numbers of its header: `LeakyReLU(0.01)`.
struct Activation {
    std::int64_t id;
    const double* numbers;
};

// Y = act(Z), entry by entry; Z and Y may be the same.
template <class Scalar>
void apply(const Activation& act, As<ConstMatrix<Scalar>> Z, Matrix<Scalar> Y);

// Y = act'(Z), entry by entry; Z and Y may be the same.
template <class Scalar>
void apply_gradient(const Activation& act, As<ConstMatrix<Scalar>> Z, Matrix<Scalar> Y);

extern template void apply<float>(const Activation&, ConstMatrix<float>, Matrix<float>);
extern template void apply<double>(const Activation&, ConstMatrix<double>, Matrix<double>);
extern template void apply_gradient<float>(const Activation&, ConstMatrix<float>, Matrix<float>);
extern template void apply_gradient<double>(const Activation&, ConstMatrix<double>, Matrix<double>);

}  // namespace eqgen
