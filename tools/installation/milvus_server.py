"""A Milvus server of this machine's own, with its etcd inside, from the package `milvus`: for tests and measurements.

The package's launcher always uses one port for etcd's peers and decompresses the program into every data folder. This
module starts the same program with ports of its own, decompresses it once per Python environment, and can kill it and
start it again on the same data. Milvus listens on every interface, whatever it is told: only on a machine whose ports
are not reachable from elsewhere.
"""

import fcntl
import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import yaml

from tools.installation.ports import free_port

REQUIREMENTS = "requirements-milvus-server.txt"
STARTING_S = 240.0
_SETTING = re.compile(r"\{\{\s*(\w+)[^:}]*(?::([^}]*))?\}\}")

QUICK: Mapping[str, Any] = {
    "common": {"session": {"ttl": 5}},
    "queryCoord": {"checkInterval": 100, "distPullInterval": 100, "checkHandoffInterval": 500},
}
"""Settings that let it load and recover in seconds; by themselves they change nothing that is stored."""


class NoMilvusError(Exception):
    """Why there can be no Milvus server here."""


class MilvusServer:
    """A Milvus on free ports, with its data in `folder`; `changes` are settings of `milvus.yaml`, nested."""

    def __init__(self, folder: Path, changes: Mapping[str, Any]) -> None:
        self.folder, self._program = folder, unpacked()
        self._ports = _ports()
        self.port, self._health = self._ports["proxy_port"], self._ports["metrics_port"]
        self._process: subprocess.Popen[bytes] | None = None
        self._configure(changes)

    @property
    def uri(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        """Everything that it stores: etcd's data, its log of writes, and its segments."""
        return self.folder / "data"

    def start(self) -> None:
        """Start on the same ports with the data of before; returns when it answers. Raises `NoMilvusError`."""
        environment = {
            **os.environ, "DEPLOY_MODE": "STANDALONE", "METRICS_PORT": str(self._health),
            "LD_LIBRARY_PATH": str(self._program.parent), "MILVUS_RUN_DIR": str(self.folder / "run"),
        }  # fmt: skip
        with (self.folder / "server.log").open("ab") as output:
            self._process = subprocess.Popen(
                [str(self._program), "run", "standalone"],
                cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        deadline = time.monotonic() + STARTING_S
        while not self._is_healthy():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = (self.folder / "server.log").read_text(errors="replace")[-500:]
                raise NoMilvusError(f"Milvus did not start: {tail}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Kill it; the data stay."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _is_healthy(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self._health}/healthz", timeout=2) as reply:
                return bool(reply.read() == b"OK")
        except (URLError, OSError):
            return False

    def _configure(self, changes: Mapping[str, Any]) -> None:
        for name in ("configs", "logs", "data", "run"):
            (self.folder / name).mkdir(parents=True)
        values = {
            **{name: str(port) for name, port in self._ports.items()},
            "etcd_log_path": str(self.folder / "logs" / "etcd.log"),
            "etcd_data_dir": str(self.data / "etcd"),
            "local_storage_dir": str(self.data),
            "rocksmq_data_dir": str(self.data / "rocksmq"),
            "system_log_path": str(self.folder / "logs"),
        }
        template = (_package() / "config.yaml.template").read_text(encoding="utf-8")
        text = _SETTING.sub(lambda found: values.get(found[1]) or (found[2] or "").strip(), template)
        settings = yaml.safe_load(text)
        for one in (QUICK, {"etcd": {"config": {"path": str(self.folder / "configs" / "etcd.yaml")}}}, changes):
            _merge(settings, one)
        (self.folder / "configs" / "milvus.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        clients, peers = (f"http://127.0.0.1:{self._ports[name]}" for name in ("etcd_port", "etcd_peer_port"))
        etcd = {
            "name": "default",
            "listen-client-urls": clients, "advertise-client-urls": clients,
            "listen-peer-urls": peers, "initial-advertise-peer-urls": peers, "initial-cluster": f"default={peers}",
        }  # fmt: skip
        (self.folder / "configs" / "etcd.yaml").write_text(yaml.safe_dump(etcd), encoding="utf-8")
        shutil.copy(_package() / "glog.conf", self.folder / "configs")


@contextmanager
def milvus_server(changes: Mapping[str, Any] | None = None) -> Iterator[MilvusServer]:
    """Run a Milvus in a temporary folder; raises `NoMilvusError` where it is not installed or does not start."""
    folder = Path(tempfile.mkdtemp(prefix="faceapp-milvus-"))
    try:
        server = MilvusServer(folder, changes or {})
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def unpacked() -> Path:
    """Return the program, decompressed beside its libraries; the first call in an environment takes some seconds.

    Raises `NoMilvusError` where the package is missing.
    """
    packed, place = _package() / "bin", Path(sys.prefix) / "milvus-server"
    try:
        place.mkdir(exist_ok=True)
        with (place / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (place / "complete").exists():
                files = sorted(packed.glob("*.lzma"), key=lambda path: -path.stat().st_size)
                with ThreadPoolExecutor(os.cpu_count()) as pool:
                    list(pool.map(lambda path: _unpack(path, place / path.stem), files))
                (place / "complete").touch()
    except OSError as error:
        raise NoMilvusError(f"the Milvus server cannot be unpacked into {place}: {error}") from error
    return place / "milvus"


def _package() -> Path:
    found = find_spec("milvus")
    if found is None or not found.submodule_search_locations:
        raise NoMilvusError(f"the package milvus is not installed ({REQUIREMENTS}; Linux on x86-64)")
    return Path(next(iter(found.submodule_search_locations))) / "data"


def _unpack(source: Path, target: Path) -> None:
    with lzma.open(source) as packed, target.open("wb") as output:
        shutil.copyfileobj(packed, output, 1 << 20)
    target.chmod(0o755)


def _ports() -> dict[str, int]:
    names = (
        "etcd_port", "etcd_peer_port", "root_coord_port", "proxy_port", "proxy_internal_port", "query_coord_port",
        "query_node_port", "index_coord_port", "index_node_port", "data_coord_port", "data_node_port", "metrics_port",
    )  # fmt: skip
    return {name: free_port() for name in names}


def _merge(settings: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(settings.get(key), dict):
            _merge(settings[key], value)
        else:
            settings[key] = value
