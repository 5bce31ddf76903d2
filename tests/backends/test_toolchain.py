"""Finding tools, and compiling with them: caching, concurrency, interruption, failure."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from eqgen.backends import compile as compiling
from eqgen.backends import toolchain
from eqgen.backends.compile import PYTHON_UNIT, Compiled, Settings, compile_extension, product_paths
from eqgen.backends.toolchain import Component, ToolchainError, find_compiler, find_eigen, find_mkl, find_toolchain

API = 'extern "C" __attribute__((visibility("default")))'
HEADER = "inline int base() { return 40; }\n"
ADD = f'#include "base.hpp"\n{API} int answer() {{ return base() + 2; }}\n'
OTHER = f"{API} int other() {{ return 7; }}\n"
MODULE = """\
#include <Python.h>
extern "C" int answer();
static PyObject* call(PyObject*, PyObject*) { return PyLong_FromLong(answer()); }
static PyMethodDef methods[] = {{"answer", call, METH_NOARGS, ""}, {nullptr, nullptr, 0, nullptr}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "tiny", "", -1, methods, nullptr, nullptr, nullptr, nullptr};
PyMODINIT_FUNC PyInit_tiny() { return PyModule_Create(&definition); }
"""
SOURCES = {"base.hpp": HEADER, "answer.cpp": ADD, "other.cpp": OTHER, PYTHON_UNIT: MODULE}
UNITS = {name for name in SOURCES if name.endswith(".cpp")}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "cache"
    monkeypatch.setenv("EQGEN_CACHE", str(cache))
    return cache


NATIVE_BUILD = Settings()


def build(out: Path, sources: dict[str, str] = SOURCES, settings: Settings = NATIVE_BUILD) -> Compiled:
    return compile_extension(sources, out, "tiny", settings)


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("tiny", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answer(built: Compiled) -> int:
    """What the library says, in a process of its own: a library that is loaded twice under one name stays the first."""
    code = f"import ctypes; print(ctypes.CDLL({str(built.library)!r}).answer())"
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


# --- discovery -------------------------------------------------------------------------------------------


def test_everything_that_is_needed_is_found_with_its_version() -> None:
    found = find_toolchain()
    found.require()
    for component in found.components:
        if component.required:
            assert component.found and component.fix == "", component
            assert re.search(r"\d+\.\d+", component.version), component
            assert Path(component.where).exists(), component
            assert len(component.identity) == 64, component
    assert found.eigen.include is not None and (found.eigen.include / "Eigen" / "Core").is_file()
    assert found.pybind11.include is not None and (found.pybind11.include / "pybind11" / "pybind11.h").is_file()
    assert found.python.include is not None and (found.python.include / "Python.h").is_file()


def test_mkl_is_found_by_the_versioned_names_of_its_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    (tmp_path / "include").mkdir()
    (tmp_path / "lib").mkdir()
    for name in toolchain.MKL_LIBRARIES:
        for suffix in (".so.2", ".so.10", ".so.3"):
            (tmp_path / "lib" / f"lib{name}{suffix}").touch()
    monkeypatch.setenv("MKLROOT", str(tmp_path))
    assert not find_mkl().found, "libraries without headers are of no use"
    (tmp_path / "include" / "mkl_cblas.h").touch()
    (tmp_path / "include" / "mkl_version.h").write_text(
        "#define __INTEL_MKL__ 2031\n#define __INTEL_MKL_MINOR__ 4\n#define __INTEL_MKL_UPDATE__ 1\n"
    )
    mkl = find_mkl()
    assert mkl.found and mkl.version == "2031.4.1"
    assert mkl.libraries == tuple(f"lib{name}.so.10" for name in toolchain.MKL_LIBRARIES)
    assert mkl.library_folder == tmp_path / "lib"
    (tmp_path / "lib" / "libmkl_core.so").touch()
    assert find_mkl().libraries[2] == "libmkl_core.so"
    (tmp_path / "lib" / "libmkl_core.so").unlink()
    for path in (tmp_path / "lib").glob("libmkl_gnu_thread*"):
        path.unlink()
    missing = find_mkl()
    assert not missing.found and missing.fix == "pip install mkl-devel" and str(tmp_path) in missing.note


def test_mkl_is_not_asked_for_where_it_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    mkl = find_mkl()
    assert not mkl.found and not mkl.required and mkl.fix == "" and "aarch64" in mkl.note


def test_eigen_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQGEN_EIGEN", str(tmp_path))
    missing = find_eigen()
    assert not missing.found and missing.fix == "pip install cmeel-eigen" and str(tmp_path) in missing.note
    macros = tmp_path / "Eigen" / "src" / "Core" / "util" / "Macros.h"
    macros.parent.mkdir(parents=True)
    macros.write_text("#define EIGEN_WORLD_VERSION 3\n#define EIGEN_MAJOR_VERSION 9\n#define EIGEN_MINOR_VERSION 7\n")
    (tmp_path / "Eigen" / "Core").touch()
    found = find_eigen()
    assert found.found and found.version == "3.9.7" and found.where == str(tmp_path)


def test_a_missing_compiler_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = build(tmp_path / "out")
    before = built.module.read_bytes()
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    compiler = find_compiler()
    assert not compiler.found and compiler.fix == "apt-get install g++"
    with pytest.raises(ToolchainError, match="C\\+\\+ compiler not found") as caught:
        build(tmp_path / "out", {**SOURCES, "other.cpp": OTHER.replace("7", "8")})
    assert caught.value.code == "E506" and caught.value.hint == "apt-get install g++"
    assert caught.value.diagnostics[0].code == "E506"
    assert built.module.read_bytes() == before


@pytest.mark.parametrize("content", ["", "#!/bin/sh\necho I compile nothing >&2\nexit 1\n"])
def test_a_wrong_cxx_is_not_passed_over(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "no-compiler"
    if content:
        script.write_text(content)
        script.chmod(0o755)
    monkeypatch.setenv("CXX", f"{script} -pipe")
    compiler = find_compiler()
    assert not compiler.found and str(script) in compiler.note and "$CXX" in compiler.note


def test_cxx_may_hold_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "g++ -DANSWER=2")
    sources = {**SOURCES, "answer.cpp": ADD.replace("2;", "ANSWER;")}
    assert answer(build(tmp_path / "out", sources)) == 42


def test_all_that_is_missing_is_said_at_once() -> None:
    found = find_toolchain()
    absent = Component("Eigen", False, fix="pip install cmeel-eigen", note="nowhere")
    headers = Component("Python headers", False, fix="apt-get install python3-dev")
    with pytest.raises(ToolchainError, match="Eigen and Python headers not found") as caught:
        replace(found, eigen=absent, python=headers).require()
    assert caught.value.hint == "pip install cmeel-eigen; apt-get install python3-dev"


# --- compiling -------------------------------------------------------------------------------------------


def test_the_library_stands_alone_and_the_module_can_be_imported(tmp_path: Path) -> None:
    built = build(tmp_path / "out")
    assert (built.module, built.library) == product_paths(tmp_path / "out", "tiny")
    assert set(built.compiled) == UNITS and built.reused == ()
    assert load(built.module).answer() == 42
    assert answer(built) == 42
    assert not hasattr(ctypes.CDLL(str(built.library)), "PyInit_tiny")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted([built.module.name, built.library.name])


def test_nothing_is_done_twice(tmp_path: Path) -> None:
    first = build(tmp_path / "out")
    times = [p.stat().st_mtime_ns for p in (first.module, first.library)]
    again = build(tmp_path / "out")
    assert again.compiled == () and set(again.reused) == UNITS
    assert [p.stat().st_mtime_ns for p in (again.module, again.library)] == times
    elsewhere = build(tmp_path / "elsewhere")
    assert elsewhere.compiled == () and answer(elsewhere) == 42


def test_only_what_depends_on_a_change_is_compiled(tmp_path: Path) -> None:
    build(tmp_path / "out")
    assert build(tmp_path / "out", {**SOURCES, "other.cpp": OTHER + "// more\n"}).compiled == ("other.cpp",)
    changed = build(tmp_path / "out", {**SOURCES, "base.hpp": HEADER.replace("40", "50")})
    assert changed.compiled == ("answer.cpp",)
    assert answer(changed) == 52
    back = build(tmp_path / "out")
    assert back.compiled == () and answer(back) == 42


def test_a_product_that_was_overwritten_is_made_again(tmp_path: Path) -> None:
    built = build(tmp_path / "out")
    built.library.write_bytes(built.library.read_bytes()[:100])
    assert answer(build(tmp_path / "out")) == 42
    built.module.unlink()
    assert load(build(tmp_path / "out").module).answer() == 42


@pytest.mark.skipif(not toolchain._is_x86(), reason="names of x86-64 processors")
def test_processor_and_compiler_are_part_of_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path / "out", settings=Settings(architecture="x86-64"))
    other = build(tmp_path / "out", settings=Settings(architecture="x86-64-v2"))
    assert set(other.compiled) == UNITS
    compiler = find_compiler()
    script = tmp_path / "wrapped"
    script.write_text(f'#!/bin/sh\nexec {" ".join(compiler.command)} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("CXX", str(script))
    assert set(build(tmp_path / "out", settings=Settings(architecture="x86-64-v2")).compiled) == UNITS


def test_an_unknown_processor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError) as caught:
        build(tmp_path / "out", settings=Settings(architecture="abacus"))
    assert caught.value.code == "E508" and "abacus" in caught.value.message
    assert not list(tmp_path.glob("out/*"))


def test_absent_mkl_is_said_and_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MKLROOT", str(tmp_path))
    (message,) = build(tmp_path / "out").messages
    assert "MKL not found" in message and "Eigen's own" in message
    assert build(tmp_path / "out", settings=Settings(blas="eigen")).messages == ()
    with pytest.raises(ToolchainError, match="MKL not found") as caught:
        build(tmp_path / "out", settings=Settings(blas="mkl"))
    assert caught.value.code == "E506"


@pytest.mark.skipif(not find_mkl().found, reason="MKL is not installed here")
def test_only_units_that_ask_depend_on_mkl(tmp_path: Path) -> None:
    asking = f"#ifdef EQGEN_MKL\n{API} int other() {{ return 1; }}\n#else\n{API} int other() {{ return 2; }}\n#endif\n"
    sources = {**SOURCES, "other.cpp": asking}
    assert set(build(tmp_path / "out", sources, Settings(blas="mkl")).compiled) == UNITS
    assert build(tmp_path / "out", sources, Settings(blas="eigen")).compiled == ("other.cpp",)


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EQGEN_CACHE", str(tmp_path / "file" / "cache"))
    built = build(tmp_path / "out", settings=Settings(blas="eigen"))
    assert answer(built) == 42
    assert len(built.messages) == 1 and "cannot be written" in built.messages[0]


# --- failure ---------------------------------------------------------------------------------------------


def test_the_compilers_first_errors_are_shown(tmp_path: Path) -> None:
    built = build(tmp_path / "out")
    before = built.module.read_bytes(), built.library.read_bytes()
    wrong = f"{API} int other() {{\n    return undeclared_one + undeclared_two;\n}}\n"
    with pytest.raises(
        ToolchainError, match=r"other\.cpp does not compile: other\.cpp:2:\d+: error: .*undeclared_one"
    ) as caught:
        build(tmp_path / "out", {**SOURCES, "other.cpp": wrong})
    assert caught.value.code == "E508" and "undeclared_two" in caught.value.details
    assert str(tmp_path) not in caught.value.message
    assert (built.module.read_bytes(), built.library.read_bytes()) == before


def test_warnings_are_errors(tmp_path: Path) -> None:
    warned = f"{API} int other(int unused) {{ return 7; }}\n"
    with pytest.raises(ToolchainError, match="unused"):
        build(tmp_path / "out", {**SOURCES, "other.cpp": warned})
    assert answer(build(tmp_path / "out", {**SOURCES, "other.cpp": warned}, Settings(strict=False))) == 42


def test_a_library_with_a_hole_is_not_made(tmp_path: Path) -> None:
    hole = f"int nowhere();\n{API} int other() {{ return nowhere(); }}\n"
    with pytest.raises(ToolchainError, match="nowhere") as caught:
        build(tmp_path / "out", {**SOURCES, "other.cpp": hole})
    assert caught.value.code == "E508"
    assert not product_paths(tmp_path / "out", "tiny")[1].exists()


def test_a_failed_move_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = build(tmp_path / "out")
    before = built.library.read_bytes()
    real = os.replace

    def fails(source: Path, target: Path) -> None:
        if Path(target).parent == tmp_path / "out":
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr("eqgen.backends.compile.os.replace", fails)
    with pytest.raises(OSError, match="No space"):
        build(tmp_path / "out", {**SOURCES, "other.cpp": OTHER.replace("7", "8")})
    assert built.library.read_bytes() == before
    assert len(list((tmp_path / "out").iterdir())) == 2


# --- several processes -----------------------------------------------------------------------------------


def start(tmp_path: Path, out: Path, sources: dict[str, str], **environment: str) -> subprocess.Popen[str]:
    """A build in a process of its own; it prints the units that it compiled."""
    code = textwrap.dedent(f"""
        import signal
        from pathlib import Path
        from eqgen.backends.compile import compile_extension
        # A process that was started in the background ignores interrupts; so would its children.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        print(*compile_extension({sources!r}, Path({str(out)!r}), "tiny").compiled)
    """)
    root = str(Path(compiling.__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root, **environment},
    )  # fmt: skip


def slow_compiler(tmp_path: Path, seconds: int) -> Path:
    """A compiler that leaves a note when it starts to compile `other.cpp`, and then takes its time."""
    script = tmp_path / "slow"
    script.write_text(
        f'#!/bin/sh\ncase "$*" in *"-c other.cpp"*) echo $$ > {tmp_path / "started"}; sleep {seconds};; esac\n'
        f'exec {shutil.which("g++")} "$@"\n'
    )
    script.chmod(0o755)
    return script


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it took too long"
        time.sleep(0.02)


def test_two_builds_at_once_share_the_work(tmp_path: Path) -> None:
    running = [start(tmp_path, tmp_path / "out", SOURCES) for _ in range(3)]
    outputs = [process.communicate(timeout=120) for process in running]
    assert all(process.returncode == 0 for process in running), outputs
    compiled = [unit for out, _ in outputs for unit in out.split()]
    assert sorted(compiled) == sorted(UNITS), "each unit goes through the compiler once"
    assert answer(build(tmp_path / "out")) == 42
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_a_build_that_ends_half_way_leaves_the_old_files(how: signal.Signals, tmp_path: Path) -> None:
    built = build(tmp_path / "out")
    before = built.module.read_bytes(), built.library.read_bytes()
    changed = {**SOURCES, "other.cpp": OTHER.replace("7", "8"), "base.hpp": HEADER.replace("40", "50")}
    started = tmp_path / "started"
    process = start(tmp_path, tmp_path / "out", changed, CXX=str(slow_compiler(tmp_path, 20)))
    wait_for(lambda: started.exists() and started.read_text().strip() != "")
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode != 0
    if how is signal.SIGINT:
        child = int(started.read_text())
        wait_for(lambda: not Path(f"/proc/{child}").exists(), 60)
    assert (built.module.read_bytes(), built.library.read_bytes()) == before
    assert len(list((tmp_path / "out").iterdir())) == 2
    assert answer(build(tmp_path / "out", changed)) == 52


def test_what_killed_builds_left_is_removed_in_time(tmp_path: Path, own_cache: Path) -> None:
    build(tmp_path / "out")
    left, young = own_cache / "work" / "left", own_cache / "work" / "young"
    for folder in (left, young):
        folder.mkdir()
        (folder / "other.cpp.o").touch()
    os.utime(left, (0, 0))
    objects = sorted((own_cache / "objects").glob("*/*.o"))
    os.utime(objects[0], (0, 0))
    build(tmp_path / "out", {**SOURCES, "other.cpp": OTHER.replace("7", "9")})
    assert not left.exists() and young.exists()
    assert not objects[0].exists() or objects[0].stat().st_mtime > 0, "forgotten, and made again if needed"
