// The library of matrix products that the build chose: MKL, OpenBLAS, or none, and then Eigen multiplies.
//
// EQGEN_MKL, EQGEN_OPENBLAS  which one
// EQGEN_BLAS                 its name as text, with that of its threads; EQGEN_BLAS_VERSION its version
// EQGEN_TBB                  its threads are TBB's, which only TBB can limit
#pragma once

#if defined(EQGEN_MKL)
#include <mkl_cblas.h>
#include <mkl_service.h>
#define EQGEN_BLAS_FUNCTION(name) name
#elif defined(EQGEN_OPENBLAS)
#include <cblas.h>
#define EQGEN_BLAS_FUNCTION(name) scipy_##name  // as its wheel calls them, apart from any other BLAS in the process
#endif
