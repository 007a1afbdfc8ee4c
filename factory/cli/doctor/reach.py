"""Can a run reach what it needs: cache folder, temporary folder, Ray cluster, object storage."""

import shutil
import socket
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from factory.cli.doctor.finding import GIB, Finding, Situation
from factory.errors import FactoryError
from factory.storage.store import Store

CLUSTER_FILE = Path(tempfile.gettempdir()) / "ray" / "ray_current_cluster"  # what Ray itself reads for "auto"
RAY_CLIENT_PORT = 10001
CONNECT_SECONDS = 5.0


def check_cache(situation: Situation) -> list[Finding]:
    """Models are unpacked into the cache (about 0.4 GB for the bundled ones), or fetched into it."""
    folder = situation.cache
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        fix = "make it writable, or point the variable XDG_CACHE_HOME to a folder that is"
        return [Finding("cache", "fail", f"{folder} cannot be written: {error.strerror}", fix)]
    return [judge_room("cache", folder, 1, 5), judge_room("temporary folder", Path(tempfile.gettempdir()), 1, 3)]


def judge_room(name: str, folder: Path, needed: float, wanted: float) -> Finding:
    """Compare the free disk below `folder`, in GiB, with what a run needs at least and had better have."""
    free = shutil.disk_usage(folder).free / GIB
    detail = f"{folder}, {free:.1f} GiB free"
    if free >= wanted:
        return Finding(name, "ok", detail)
    return Finding(
        name, "warn" if free >= needed else "fail", detail, f"free some space there: {wanted:g} GiB is safe"
    )


def check_cluster(situation: Situation) -> list[Finding]:
    """The Ray cluster that RAY_ADDRESS names answers; without the variable a run starts its own on this machine."""
    address = situation.environ.get("RAY_ADDRESS", "")
    if address in ("", "local"):
        return [Finding("ray cluster", "ok", "none named: a run uses this machine")]
    fix = "unset RAY_ADDRESS to run on this machine, or start the cluster (docs/cluster.md)"
    if address == "auto":
        target = CLUSTER_FILE.read_text(encoding="utf-8").strip() if CLUSTER_FILE.is_file() else ""
        if not target:
            return [Finding("ray cluster", "fail", "RAY_ADDRESS is auto, and no cluster runs on this machine", fix)]
        return [knock(target, fix)]
    if address.startswith(("http://", "https://")):
        fix = "give host:6379, or auto on the cluster's head: an http address is only for `ray job submit`"
        return [Finding("ray cluster", "fail", f"RAY_ADDRESS={address} is no address that a run can join", fix)]
    return [knock(address, fix)]


def knock(address: str, fix: str) -> Finding:
    """Open a connection to `host:port` or `ray://host[:port]` and close it again."""
    try:
        parts = urlsplit(address if "://" in address else f"gcs://{address}")
        port = parts.port or (RAY_CLIENT_PORT if parts.scheme == "ray" else None)
        if not parts.hostname or not port:
            raise ValueError("no host and port")
        with socket.create_connection((parts.hostname, port), timeout=CONNECT_SECONDS):
            return Finding("ray cluster", "ok", f"{address} answers")
    except ValueError:
        return Finding("ray cluster", "fail", f"RAY_ADDRESS={address} is not of the form host:6379", fix)
    except OSError as error:
        return Finding("ray cluster", "fail", f"{address} does not answer: {error}", fix)


def check_s3_variables(situation: Situation) -> list[Finding]:
    """Which AWS_* variables are set, and whether they go together. Their values are not shown."""
    names = sorted(name for name, value in situation.environ.items() if name.startswith("AWS_") and value)
    detail = ", ".join(names) or "no AWS_* variable is set: ~/.aws or the machine's own role decides"
    endpoint = situation.environ.get("AWS_ENDPOINT_URL_S3") or situation.environ.get("AWS_ENDPOINT_URL") or "http://"
    fix = ""
    if ("AWS_ACCESS_KEY_ID" in names) != ("AWS_SECRET_ACCESS_KEY" in names):
        fix = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY together, or neither"
    elif not endpoint.startswith(("http://", "https://")):
        fix = "write AWS_ENDPOINT_URL with its scheme: https://host or http://host:port"
    return [Finding("s3 variables", "fail" if fix else "ok", detail, fix)]


def check_uri(situation: Situation) -> list[Finding]:
    """The address that the user asked about can be listed."""
    if situation.uri is None:
        return []
    try:
        store = Store(situation.uri, is_input=True)
        names = store.list_names()
    except FactoryError as error:
        return [Finding("storage", "fail", error.message, error.hint)]
    if names is None:
        fix = "fine for an output; for briefs check the path, capitals included"
        return [Finding("storage", "warn", f"{store.uri} answers, and nothing lies there yet", fix)]
    return [Finding("storage", "ok", f"{store.uri} answers: {len(names)} names")]
