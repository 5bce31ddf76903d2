// What the kernels of this package are written with.
#pragma once

#include "gather.hpp"
#include "loops.hpp"
#include "matrix.hpp"
#include "product.hpp"
#include "scalar.hpp"
#include "sparse.hpp"
