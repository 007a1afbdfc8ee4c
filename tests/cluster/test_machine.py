"""What the machine has, read from files and programs made for the test."""

import stat
from pathlib import Path

import pytest

from factory.cluster.machine import Gpu, count_cores, describe_machine, list_gpus, read_memory, read_processor


def put_smi(folder: Path, script: str) -> None:
    """Write a program named nvidia-smi."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)


def test_gpus_are_read_from_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_smi(tmp_path, "echo 'NVIDIA L40S, 46068, 570.86.15'; echo 'NVIDIA GB10, [N/A], 580.95'")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list_gpus() == [
        Gpu("NVIDIA L40S", 46068 * 2**20, "570.86.15"),
        Gpu("NVIDIA GB10", 0, "580.95"),
    ]


def test_no_driver_is_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list_gpus() == []
    assert "no GPU" in describe_machine()


@pytest.mark.parametrize(
    ("script", "reason"),
    [("echo 'Driver/library version mismatch'; exit 18", "version mismatch"), ("exit 9", "status 9")],
)
def test_an_ill_driver_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str) -> None:
    put_smi(tmp_path, script)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(OSError, match=reason):
        list_gpus()
    assert "ill" in describe_machine()


def test_limits_of_a_container_count(tmp_path: Path) -> None:
    whole_cores, whole_memory = count_cores(tmp_path), read_memory(tmp_path)
    assert whole_cores >= 1
    assert whole_memory > 2**28
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    (tmp_path / "memory.max").write_text(f"{2**28}\n")
    assert count_cores(tmp_path) == 0.5
    assert read_memory(tmp_path) == 2**28
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert (count_cores(tmp_path), read_memory(tmp_path)) == (whole_cores, whole_memory)


@pytest.mark.parametrize(
    ("flags", "features"),
    [("fpu avx2 avx512f amx_bf16", ["AMX", "AVX-512", "AVX2"]), ("fpu avx2", ["AVX2"]), ("fpu", [])],
)
def test_vector_features_are_named_best_first(tmp_path: Path, flags: str, features: list[str]) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(f"processor\t: 0\nmodel name\t: Test CPU\nflags\t\t: {flags}\n\nprocessor\t: 1\n")
    assert read_processor(file) == ("Test CPU", features)


def test_a_system_without_cpuinfo_still_has_a_name(tmp_path: Path) -> None:
    name, features = read_processor(tmp_path / "none")
    assert name
    assert features == []
