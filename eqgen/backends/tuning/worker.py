"""Run by `eqgen.backends.tuning.measure` in a process of its own: loads one library, measures, prints seconds.

It imports nothing but the standard library, so that no other BLAS and no other threads are in the process.

arguments  the library; JSON [[way, product, is_double, N, D, K], ...]; runs of each. Behind the sizes of sparse
           products stand the stored entries of a thousand
output     JSON [seconds, ...], the median of the runs; null for what the library has no kernels for
"""

import ctypes
import json
import statistics
import sys


def main(path: str, requests: str, runs: str) -> None:
    """Raises OSError when the library cannot be loaded, RuntimeError when a product failed."""
    library = ctypes.CDLL(path)
    size = ctypes.c_int64
    found: list[float | None] = []
    for way, product, is_double, *sizes in json.loads(requests):
        seconds = (ctypes.c_double * int(runs))()
        measure = library.eqgen_measure if len(sizes) == 3 else library.eqgen_measure_sparse
        code = measure(way, product, is_double, *map(size, sizes), int(runs), seconds)
        if code == 2:
            raise RuntimeError(f"the product of sizes {sizes} failed")
        found.append(statistics.median(seconds) if code == 0 else None)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
