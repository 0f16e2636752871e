"""What pip builds where nobody says how."""

import os
import stat
import sys
import types

import backend
import pytest


@pytest.mark.parametrize(
    "compiler, libclang, said, arguments",
    [
        ("exit 0", "there", None, "--features mpi"),
        ("exit 1", "there", None, None),
        (None, "there", None, None),
        ("exit 0", "nowhere", None, None),
        ("exit 0", "there", "--no-default-features", "--no-default-features"),
    ],
)
def test_mpi_is_built_in_where_it_is_found(tmp_path, monkeypatch, compiler, libclang, said, arguments):
    monkeypatch.setitem(sys.modules, "maturin", types.SimpleNamespace(build_wheel="maturin's"))
    (tmp_path / "there").mkdir()
    monkeypatch.setenv("LIBCLANG_PATH", str(tmp_path / libclang))
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ["MPICC", "MATURIN_PEP517_ARGS"]:
        monkeypatch.delenv(name, raising=False)
    if said is not None:
        monkeypatch.setenv("MATURIN_PEP517_ARGS", said)
    if compiler is not None:
        program = tmp_path / "mpicc"
        program.write_text(f"#!/bin/sh\n{compiler}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    assert backend.build_wheel == "maturin's"
    assert os.environ.get("MATURIN_PEP517_ARGS") == arguments
    # monkeypatch would not take away what it did not set.
    os.environ.pop("MATURIN_PEP517_ARGS", None)
    with pytest.raises(AttributeError):
        backend.something_else
    # What is named has to serve.
    monkeypatch.setenv("MPICC", "no-such-compiler")
    with pytest.raises(RuntimeError, match="MPICC=no-such-compiler does not compile"):
        backend.build_wheel
