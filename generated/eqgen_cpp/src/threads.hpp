// How many threads the kernels and the matrix products use.
#pragma once

namespace eqgen {

int threads();

// For the products and the loops of this library, whoever calls them. 0: as many as OpenMP offers.
void set_threads(int count);

}  // namespace eqgen
