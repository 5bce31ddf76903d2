"""Choosing the BLAS by measurement: the record, what builds make of it, and one OpenMP runtime a process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from eqgen.backends import blas
from eqgen.backends import compile as compiling
from eqgen.backends.blas import DEFAULT, NONE, Blas, candidates, runtimes_in
from eqgen.backends.compile import Settings, compile_extension
from eqgen.backends.cpp import BACKEND
from eqgen.backends.locations import cache_folder
from eqgen.backends.toolchain import ToolchainError, find_mkl, find_toolchain
from eqgen.backends.tuning import measure, record
from eqgen.backends.tuning.measure import NEVER, OWN, Case, Effort, fewest, longest
from eqgen.backends.tuning.record import Tuning
from eqgen.backends.tuning.sparse import DEFAULT_DENSE
from tests.cli.runner import eqgen

GENERATED = Path(__file__).parents[2] / "generated"
TINY = Effort(((20, 48, 32),), 1, 2, (1024, 4096), (64, 128), 32, (200, 900))

needs_maps = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="there is no /proc here")
needs_mkl = pytest.mark.skipif(not find_mkl().found, reason="MKL is not installed here")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache without records, in which everything has been compiled that ever was."""
    compiled = cache_folder() / "objects"
    compiled.mkdir(parents=True, exist_ok=True)
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "objects").symlink_to(compiled)
    monkeypatch.setenv("EQGEN_CACHE", str(cache))
    return cache


def tuning(name: str, **changes: object) -> Tuning:
    found = Tuning(
        "a processor", 2, "1.2", "2026-01-02T03:04Z", name, 2048, 128, 650, 1001, 1.1, {name: {"X W'": 1.5}}, {}
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def keep(found: Tuning) -> Path:
    return record.write(found, find_mkl())


# --- candidates ------------------------------------------------------------------------------------------


@needs_mkl
def test_threads_of_intel_are_excluded_beside_another_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    def intel() -> Blas:
        return next(each for each in candidates(find_toolchain()) if each.name == "mkl-intel")

    if not intel().component.found:
        pytest.skip("Intel's OpenMP is not installed here")
    for theirs, usable in ((set(), True), ({"libiomp5"}, True), ({"libgomp"}, False)):
        monkeypatch.setattr(blas, "torch_runtimes", lambda theirs=theirs: theirs)
        assert intel().is_usable == usable
    assert "libgomp" in intel().excluded and "second OpenMP runtime" in intel().excluded
    with pytest.raises(ToolchainError, match="second OpenMP runtime"):
        record.choose(find_toolchain(), "mkl-intel")


def test_pytorchs_runtime_is_found_without_importing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for files, expected in (
        ({"torch/lib/libtorch_global_deps.so": b"\x7fELF\0libgomp.so.1\0libc.so.6\0"}, {"libgomp"}),
        ({"torch/lib/libtorch_global_deps.so": b"\x7fELF\0libiomp5.so\0"}, {"libiomp5"}),
        ({"torch/lib/libtorch.so": b"", "torch.libs/libgomp-24e2ab19.so.1.0.0": b""}, {"libgomp"}),
        ({"torch/lib/libtorch.so": b"", "torch/lib/libompstubs.so": b""}, set()),
    ):
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        for name, content in {"torch/__init__.py": b"raise RuntimeError", **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
        locations = [str(root / "torch")]
        spec = type("Spec", (), {"submodule_search_locations": locations})()
        monkeypatch.setattr("importlib.util.find_spec", lambda name, spec=spec: spec)
        assert blas.torch_runtimes() == expected
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert blas.torch_runtimes() == set()


@needs_mkl
def test_a_missing_part_of_mkl_is_named(tmp_path: Path) -> None:
    toolchain = find_toolchain()
    for part in ("mkl_intel_lp64", "mkl_gnu_thread", "mkl_core"):
        (tmp_path / f"lib{part}.so.3").touch()
    found = {c.name: c for c in candidates(replace(toolchain, mkl=replace(toolchain.mkl, library_folder=tmp_path)))}
    assert found[DEFAULT].is_usable and "-l:libmkl_gnu_thread.so.3" in found[DEFAULT].links
    assert not found["mkl-tbb"].is_usable and measure.why_not(found["mkl-tbb"]).endswith("pip install tbb-devel")
    (tmp_path / "libiomp5.so").touch()
    found = {c.name: c for c in candidates(replace(toolchain, mkl=replace(toolchain.mkl, library_folder=tmp_path)))}
    assert not found["mkl-intel"].is_usable and "mkl_intel_thread" in found["mkl-intel"].component.note


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ToolchainError, match="no BLAS `abacus`") as caught:
        record.choose(find_toolchain(), "abacus")
    assert "mkl-tbb" in caught.value.hint


# --- the record ------------------------------------------------------------------------------------------


def test_a_record_is_read_as_it_was_written_and_names_its_machine(own_cache: Path) -> None:
    assert record.read(find_mkl()) == (None, "")
    path = keep(tuning(NONE))
    assert record.read(find_mkl()) == (tuning(NONE), "")
    assert path.parent == own_cache / "tuning" and "processors-mkl-" in path.name
    assert json.loads(path.read_text())["blas"] == NONE
    assert record.path_for(replace(find_mkl(), version="1.0")) != path, "another MKL is measured again"
    assert record.forget(find_mkl()) == path and not path.exists()
    assert record.forget(find_mkl()) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"{", b"[]", b'"text"', b"{}", "blas=7", "gflops=[1]", 'gflops={"mkl": 3}', "tile_bytes=-1",
     'tile_bytes="many"', 'gflops={"mkl": {"X": "fast"}}'],
)  # fmt: skip
def test_a_damaged_record_is_ignored_and_said(content: bytes | str, own_cache: Path) -> None:
    path = keep(tuning(NONE))
    if isinstance(content, str):
        name, _, value = content.partition("=")
        content = json.dumps({**json.loads(path.read_text()), name: json.loads(value)}).encode()
    path.write_bytes(content)
    found, problem = record.read(find_mkl())
    assert found is None and str(path) in problem and "is ignored" in problem and record.COMMAND in problem
    chosen, messages = record.choose(find_toolchain())
    assert problem in messages and chosen.name == (DEFAULT if find_mkl().found else NONE)
    assert BACKEND.tuning() == ""


def test_what_was_measured_but_is_gone_is_said(own_cache: Path) -> None:
    keep(tuning("abacus"))
    chosen, messages = record.choose(find_toolchain())
    assert chosen.name in (DEFAULT, NONE) and "EQGEN_TILE_BYTES" not in chosen.macros
    assert "abacus was measured as fastest, but" in messages[0] and record.COMMAND in messages[0]


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path / "file" / "cache"))
    done = eqgen("doctor", "--tune")
    assert done.code == 2 and "E505" in done.err and "EQGEN_CACHE" in done.err


# --- builds ----------------------------------------------------------------------------------------------


def commands(sources: dict[str, str], out: Path, monkeypatch: pytest.MonkeyPatch, name: str = "auto") -> list[str]:
    """How the compiler and the linker are called."""
    said: list[str] = []
    real = compiling._checked

    def listen(processes: compiling._Processes, command: list[str], folder: Path, what: str) -> None:
        said.append(" ".join(command))
        real(processes, command, folder, what)

    with monkeypatch.context() as patch:
        patch.setattr(compiling, "_checked", listen)
        compile_extension(sources, out, "_tiny", Settings(blas=name))
    return said


@needs_mkl
def test_a_build_takes_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path / "cache"))
    function = 'extern "C" int {0}() {{ return {1}; }}\n'
    sources = {
        "asks.cpp": function.format("asks", "EQGEN_TILE_BYTES")
        + "#ifndef EQGEN_TILE_BYTES\n#define EQGEN_TILE_BYTES 1\n#endif\n#ifdef EQGEN_MKL\n#endif\n",
        "other.cpp": function.format("other", 1),
    }
    sources["asks.cpp"] = "\n".join(reversed(sources["asks.cpp"].split("\n", 1)))
    out = tmp_path / "out"
    before = commands(sources, out, monkeypatch)
    assert any("libmkl_gnu_thread" in line for line in before) and not any("-DEQGEN_TILE_BYTES" in x for x in before)
    assert any("-DEQGEN_MKL=1" in line and "asks.cpp" in line for line in before)
    key = BACKEND.tuning()
    keep(tuning(NONE))
    assert BACKEND.tuning() != key, "packages that are up to date are built again"
    after = commands(sources, out, monkeypatch)
    assert len([line for line in after if " -c " in line]) == 1, "only what asks is compiled again"
    assert any("-DEQGEN_TILE_BYTES=2048" in line and "asks.cpp" in line for line in after)
    assert not any("mkl" in line.lower() for line in after)
    assert commands(sources, out, monkeypatch) == []
    assert not any("TILE_BYTES" in x for x in commands(sources, out, monkeypatch, DEFAULT)), "by name: no record"
    record.forget(find_mkl())
    assert BACKEND.tuning() == key


# --- measuring -------------------------------------------------------------------------------------------


def test_the_default_stands_unless_another_is_faster_by_more_than_noise() -> None:
    cases = [Case(product, is_double, 1, 2, 3) for product in range(4) for is_double in (False, True)]
    for factor, winner in ((1.0, "a"), (0.98, "a"), (0.95, "b"), (1.2, "a")):
        seconds = {"a": [2.0] * 8, "b": [2.0 * factor] * 8}
        assert measure.fastest(["a", "b"], cases, seconds) == winner
    # In one dtype faster, in the other one slower by more.
    seconds = {"a": [2.0] * 8, "b": [1.5 if case.is_double else 3.0 for case in cases]}
    assert measure.fastest(["a", "b"], cases, seconds) == "a"


@pytest.mark.parametrize(
    ("ratios", "up_to", "from_on"),
    [
        ({1: 0.5, 2: 0.5, 4: 0.5}, 4, 1),
        ({1: 2.0, 2: 2.0, 4: 2.0}, 0, NEVER),
        ({1: 0.5, 2: 1.02, 4: 1.02}, 2, NEVER),  # ties: the default, tiles up to 2
        ({1: 0.98, 2: 1.02, 4: 0.9}, 4, 2),  # and lanes from 2 on
        ({1: 0.5, 2: 2.0, 4: 0.5}, 1, 4),
    ],
)
def test_where_own_kernels_end(ratios: dict[int, float], up_to: int, from_on: int) -> None:
    assert longest(ratios, default=2) == up_to
    if ratios != {1: 0.5, 2: 1.02, 4: 1.02}:
        assert fewest(ratios, default=2) == from_on


class Machine:
    """Times that are computed instead of measured: a library's from its speed, those of the own kernels from size."""

    def __init__(self, speed: dict[str, float], tiles_win_up_to: int, lanes_win_from: int) -> None:
        self.speed, self.tiles, self.lanes = speed, tiles_win_up_to, lanes_win_from
        self.calls: list[tuple[str, int]] = []

    def __call__(self, library: Path, requests: Sequence[tuple[int, ...]], runs: int) -> list[float | None]:
        name = library.parent.name
        self.calls.append((name, requests[0][0]))
        return [self.seconds(name, *request) for request in requests]

    def seconds(self, name: str, way: int, product: int, is_double: int, N: int, D: int, K: int, *more: int) -> float:
        if more:  # of a sparse layer: dense kernels are the faster from 60 % on, the library of sparse products never
            return 1e-3 if way == 0 else (1.1 - more[0] / 1000 + (more[0] < 600)) * 1e-3 + (way == 2)
        time = N * D * K / self.speed[name]
        size = (N, N, N, K)[product] * (8 if is_double else 4)
        wins = size >= self.lanes if product == 0 else size <= self.tiles
        return time if way == 0 else time * (0.5 if wins else 2)


def fake_build(candidate: Blas, progress: Callable[[str], None]) -> Path:
    return Path(candidate.name) / "library.so"


@needs_mkl
def test_the_fastest_is_recorded_with_the_crossover(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "build", fake_build)
    names = [each.name for each in candidates(find_toolchain()) if each.is_usable]
    machine = Machine({name: 3e9 if name == NONE else 2e9 for name in names}, 2048, 256)
    found = measure.tune(replace(measure.EFFORT, rounds=2), run=machine)
    assert (found.blas, found.tile_bytes, found.lane_bytes) == (NONE, 2048, 256)
    rounds = [call for call in machine.calls if call != (NONE, 0) or machine.calls.index(call) < len(names) + 1]
    assert rounds[: len(names) + 1] == [*((name, 0) for name in names), (names[0], 1)], "one after the other"
    assert set(found.gflops) == {*names, OWN}
    assert found.gflops[NONE]["X W', 100 x 3072 x 1024, float32"] == 6.0
    assert found.macros == {
        "EQGEN_TILE_BYTES": "2048",
        "EQGEN_LANE_BYTES": "256",
        "EQGEN_DENSE_PERMILLE": "600",
        "EQGEN_SPARSE_LIBRARY_PERMILLE": "1001",
    }


def test_a_target_without_own_kernels_has_no_crossover(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "build", fake_build)

    def run(library: Path, requests: Sequence[tuple[int, ...]], runs: int) -> list[float | None]:
        return [None if way == 1 else 1e-3 for way, *_ in requests]

    found = measure.tune(TINY, run=run)
    assert (found.tile_bytes, found.lane_bytes, found.dense) == (None, None, DEFAULT_DENSE) and OWN not in found.gflops
    assert "EQGEN_TILE_BYTES" not in found.macros


@needs_mkl
def test_doctor_tunes_shows_and_forgets(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [each.name for each in candidates(find_toolchain()) if each.is_usable]
    monkeypatch.setattr(measure, "build", fake_build)
    monkeypatch.setattr(measure, "run_worker", Machine({n: 3e9 if n == NONE else 2e9 for n in names}, 2048, NEVER))
    done = eqgen("doctor", "--tune", "--rounds", 2)
    assert done.code == 0 and f"{NONE} *" in done.out and "choice: eigen (*)" in done.out
    assert "up to 2048 bytes" in done.out and "no X W'" in done.out and "round 1 of 2: mkl" in done.err
    (line,) = [line for line in eqgen("doctor").out.splitlines() if "  tuning" in line]
    assert line.strip().startswith("yes") and "Eigen, measured 20" in line and "EQGEN_TILE_BYTES=2048" in line
    told = eqgen("doctor", "--tune", "--rounds", 2, "--json").json
    assert told["blas"] == NONE and set(told["gflops"]) == {*names, OWN} and Path(told["path"]).is_file()
    assert eqgen("doctor", "--forget-tuning", "--json").json == {"removed": told["path"]}
    assert "by default" in next(line for line in eqgen("doctor").out.splitlines() if "  tuning" in line)
    assert "nothing was measured" in eqgen("doctor", "--forget-tuning").out
    assert eqgen("doctor", "--forget-tuning", "--tune").code == 2


@needs_mkl
def test_what_a_busy_machine_says_is_not_kept(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: Counter[tuple[Path, int]] = Counter()

    def run(library: Path, requests: Sequence[tuple[int, ...]], runs: int) -> list[float | None]:
        place = library, requests[0][0]
        rounds[place] += 1
        return [1e-3 * (1 + rounds[place] % 2) for _ in requests]

    monkeypatch.setattr(measure, "build", fake_build)
    monkeypatch.setattr(measure, "run_worker", run)
    done = eqgen("doctor", "--tune", "--rounds", 4)
    assert done.code == 1 and "not kept: the rounds differ by a factor of" in done.out
    done = eqgen("doctor", "--tune", "--rounds", 4, "--json")
    assert done.code == 1 and done.json["path"] is None and done.json["spread"] > record.STEADY
    assert record.read(find_mkl()) == (None, "")


@needs_mkl
def test_the_sparse_library_multiplies_where_it_was_measured_as_faster(own_cache: Path, tmp_path: Path) -> None:
    keep(tuning(DEFAULT, tile_bytes=None, lane_bytes=None, sparse_library=0))
    sources = {p.name: p.read_text(encoding="utf-8") for p in (GENERATED / "eqgen_cpp" / "src").iterdir()}
    package = tmp_path / "eqgen_cpp"
    shutil.copytree(GENERATED / "eqgen_cpp", package, ignore=shutil.ignore_patterns("*.so", "src"))
    built = compile_extension(sources, package, "_kernels", library="eqgen_cpp")
    assert set(built.compiled) <= {"sparse.cpp"}
    script = """
import numpy as np, sys, eqgen_cpp as p
assert p.__file__.startswith(sys.argv[1])
rng = np.random.default_rng(3)
for density in (0.05, 0.3, 0.9):
    layer = p.SparseLinearLayer(70, 50, density=density, dtype=sys.argv[2])
    layer.set_weights("Xavier")
    X = rng.normal(size=(33, 70)).astype(sys.argv[2])
    np.testing.assert_allclose(layer.feedforward(X), X @ layer.W.to_dense().T, rtol=1e-4, atol=1e-5)
"""
    for dtype in ("float32", "float64"):
        command = [sys.executable, "-c", script, str(tmp_path), dtype]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr


def test_doctor_cannot_tune_without_a_compiler(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    done = eqgen("doctor", "--tune", "--json")
    assert done.code == 2 and done.json["diagnostics"][0]["code"] == "E506"
    assert "C++ compiler" in done.json["diagnostics"][0]["message"]


def test_a_library_that_fails_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match=r"nowhere\.so cannot be measured: OSError") as caught:
        measure.run_worker(tmp_path / "nowhere.so", [], 1)
    assert caught.value.code == "E508"


# --- real libraries --------------------------------------------------------------------------------------

PACKAGE = """
import sys
import numpy as np
sys.path.insert(0, {path!r})
def own():
    import eqgen_cpp
    eqgen_cpp.runtime.set_threads(2)
    X, W, b = (np.ones(size, dtype=np.float32) for size in ((200, 300), (400, 300), (1, 400)))
    assert eqgen_cpp.functional.linear_forward(X, W, b)[0, 0] == 301
"""
BOTH = """
def theirs():
    import torch
    torch.set_num_threads(2)
    A = torch.ones(300, 400)
    assert torch.exp(A @ A.T).shape == (300, 300)
for step in ({order}):
    step()
theirs(); own()
print(open("/proc/self/maps").read())
"""


def runtimes(code: str) -> set[str]:
    """The OpenMP runtimes in a process that prints its maps; two files of one runtime are an error."""
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}  # several threads, as in use
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    files = {line[line.index("/") :] for line in done.stdout.splitlines() if "/" in line}
    found = [name for file in files for name in runtimes_in(Path(file).name)]
    assert len(found) == len(set(found)), sorted(files)
    return set(found)


def usable(name: str) -> Blas:
    """The candidate; skips where it is not there."""
    candidate = next(each for each in candidates(find_toolchain()) if each.name == name)
    if not candidate.is_usable:
        pytest.skip(f"{candidate.title}: {measure.why_not(candidate)}")
    return candidate


@needs_mkl
@needs_maps
@pytest.mark.parametrize("order", ["own, theirs", "theirs, own"])
def test_the_package_and_torch_share_one_openmp_runtime(order: str) -> None:
    pytest.importorskip("torch")
    if not all(path.exists() for path in BACKEND.products(GENERATED / "eqgen_cpp")):
        pytest.skip("the package is not built")
    assert len(runtimes((PACKAGE + BOTH).format(path=str(GENERATED), order=order))) == 1


@needs_mkl
@pytest.mark.parametrize("name", [DEFAULT, "mkl-tbb", "openblas"])
def test_every_candidate_is_built_and_measured(name: str, own_cache: Path) -> None:
    library = measure.build(usable(name), lambda message: None)
    requests = [case.request(way) for case in TINY.cases for way in (0, 1)]
    seconds = measure.run_worker(library, requests, 2)
    assert len(seconds) == len(requests) and all(s is not None and 0 < s < 60 for s in seconds[::2])
    assert all(s is None or 0 < s < 60 for s in seconds[1::2])


@needs_mkl
@needs_maps
@pytest.mark.parametrize("name", ["mkl-tbb", "openblas"])
def test_other_libraries_bring_no_other_runtime_than_the_compilers(name: str, own_cache: Path) -> None:
    library = measure.build(usable(name), lambda message: None)
    code = f"import ctypes; ctypes.CDLL({str(library)!r}); print(open('/proc/self/maps').read())"
    assert runtimes(code) == {"libomp" if find_toolchain().is_clang else "libgomp"}
