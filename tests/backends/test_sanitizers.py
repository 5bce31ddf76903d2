"""The kernels of the C++ package under the address and the undefined-behaviour sanitizer.

`sanitized/driver.cpp` calls every kernel of the package's table on heap buffers of exactly the size that the table
states; see there for what it compares.
"""

from __future__ import annotations

import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from eqgen.backends.compile import PYTHON_UNIT
from eqgen.backends.locations import cache_folder
from eqgen.backends.toolchain import architecture_flags, digest, find_toolchain, processors

HERE = Path(__file__).parent / "sanitized"
SOURCES = Path(__file__).parents[2] / "generated/eqgen_cpp/src"

SANITIZERS = [
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
]
FLAGS = ["-std=c++17", "-g1", "-O1", "-fopenmp", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wextra", "-Werror"]
MACROS = ["-DEQGEN_OPENBLAS=1", '-DEQGEN_BLAS="three loops"', '-DEQGEN_BLAS_VERSION="1"']
"""Products that are not computed by kernels of the package's own are those of `sanitized/cblas.h`."""


def compiler() -> tuple[str, ...]:
    toolchain = find_toolchain()
    if not toolchain.compiler.found or not toolchain.eigen.found:
        pytest.skip("no C++ compiler or no Eigen here")
    return toolchain.compiler.command


def with_headers(unit: Path) -> list[str]:
    """Names and texts of a source and of all that it includes."""
    seen, texts = [unit], []
    for path in seen:
        texts += [path.name, path.read_text(encoding="utf-8")]
        for name in re.findall(r'^\s*#\s*include\s*["<]([^">]+)[">]', texts[-1], re.MULTILINE):
            seen += [each for folder in (HERE, SOURCES) if (each := folder / name).is_file() and each not in seen]
    return texts


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program; objects are kept between runs under the hash of all that they depend on."""
    command, folder = compiler(), tmp_path_factory.mktemp("sanitized")
    probe = folder / "probe.cpp"
    probe.write_text("int main() { return 0; }\n")
    made = subprocess.run([*command, *SANITIZERS, str(probe), "-o", str(folder / "probe")], capture_output=True)
    if made.returncode or subprocess.run([str(folder / "probe")], capture_output=True).returncode:
        pytest.skip(f"`{command[0]}` has no sanitizers that work here")
    toolchain = find_toolchain()
    flags = [*FLAGS, *SANITIZERS, *MACROS, *architecture_flags("native"), f"-I{HERE}", f"-I{SOURCES}"]
    flags += ["-isystem", str(toolchain.eigen.include)]
    units = sorted(SOURCES.glob("*.cpp"), key=lambda path: -path.stat().st_size)
    units = [HERE / "driver.cpp", *(unit for unit in units if unit.name != PYTHON_UNIT)]
    identities = [toolchain.compiler.identity, toolchain.eigen.identity, *FLAGS, *SANITIZERS, *MACROS]

    def compiled(unit: Path) -> Path:
        key = digest([*with_headers(unit), *identities])
        target = cache_folder() / "objects" / key[:2] / f"{key}.o"
        if target.is_file():
            target.touch()  # builds remove what has not been used for long
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{key}.{os.getpid()}.o")
        done = subprocess.run([*command, *flags, "-c", str(unit), "-o", str(part)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        part.replace(target)
        return target

    with ThreadPoolExecutor(processors()) as pool:
        objects = [str(path) for path in pool.map(compiled, units)]
    program = folder / "driver"
    linked = subprocess.run(
        [*command, *SANITIZERS, "-fopenmp", *objects, "-o", str(program)], capture_output=True, text=True
    )
    assert linked.returncode == 0, linked.stderr
    return program


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "2", "UBSAN_OPTIONS": "print_stacktrace=1"},
    )


def test_all_kernels_are_clean_and_agree_with_references(driver: Path) -> None:
    done = run(driver)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    counts = re.fullmatch(r"(\d+) sparse (\d+) dense (\d+) calls (\d+) compared\n", done.stdout)
    assert counts is not None
    sparse, dense, calls, compared = map(int, counts.groups())
    assert sparse > 0 and dense > 0
    assert calls > 100 * sparse + 10 * dense and compared >= calls


@pytest.mark.parametrize(("argument", "access"), [("input", "READ"), ("output", "WRITE")])
def test_one_entry_too_few_is_seen(driver: Path, argument: str, access: str) -> None:
    done = run(driver, "--short", argument)
    assert done.returncode != 0
    assert "AddressSanitizer: heap-buffer-overflow" in done.stderr
    assert f"{access} of size" in done.stderr
