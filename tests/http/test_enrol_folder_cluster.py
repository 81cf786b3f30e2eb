"""Enrolling a folder on a Ray cluster of two nodes, one of which is killed at work: nobody is lost, nobody twice."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.http.site import ROOT, Site, variant
from tests.http.test_enrol_folder import enrolments, waiting

pytestmark = pytest.mark.models

PEOPLE = 6
PATIENCE_S = 120.0
QUICK = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}


@dataclass(frozen=True)
class TwoNodes:
    """A cluster on loopback; `raylet` is the process of its second node."""

    address: str
    raylet: int
    kill_second: Callable[[], None]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoNodes]:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="Ray is not installed: requirements-ray.txt")
    folder = tempfile.mkdtemp(prefix="ray-")  # a test's own folder has too long a name for a socket
    monkeypatch.setenv("RAY_TMPDIR", folder)
    node: dict[str, Any] = {
        "num_cpus": 1, "memory": 2**30, "object_store_memory": 100 * 2**20, "node_ip_address": "127.0.0.1",
        "include_dashboard": False,
    }  # fmt: skip
    started: Any = None
    try:
        started = cluster_utils.Cluster(initialize_head=True, head_node_args={**node, "_system_config": QUICK})
        second = started.add_node(**node)
        raylet = second.all_processes["raylet"][0].process.pid
        kill = lambda: started.remove_node(second, allow_graceful=False)  # noqa: E731
        yield TwoNodes(started.address, raylet, kill)
    finally:
        if started is not None:
            started.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def is_enrolling(raylet: int) -> bool:
    """Tell whether a worker of this node has a person in hand."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == raylet and (process / "cmdline").read_bytes().startswith(b"ray::enrol_one"):
                return True
        except (OSError, ValueError):
            continue
    return False


def outer_listeners(process: int) -> list[str]:
    """Return the addresses beside loopback that a process listens on."""
    inodes, found = set[str](), []
    for link in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            inodes.add(link.readlink().name)
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{process}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address = fields[1].partition(":")[0]  # of an IPv4 address in IPv6 the last part
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes and not address.endswith("0100007F"):
                found.append(fields[1])
    return found


def test_a_node_that_is_killed_at_work_loses_nobody_and_enrols_nobody_twice(
    site: Site, tmp_path: Path, cluster: TwoNodes, astronaut: bytes
) -> None:
    for number in range(PEOPLE):
        place = tmp_path / "crowd" / f"RECO_ID_{number}"
        place.mkdir(parents=True)
        for turn in range(5):
            (place / f"{turn}.jpg").write_bytes(variant(astronaut, 0.8 + turn / 20, number, turn - 2.0))
    report, env = tmp_path / "report.json", site.folder / ".env"
    command = [sys.executable, str(ROOT / "bin" / "enrol-folder"), "crowd", "--env", str(env)]
    command += ["--ray", cluster.address, "--report", str(report)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=tmp_path, stdout=pipe, stderr=pipe, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline().startswith("RECO_ID")
        deadline = time.monotonic() + PATIENCE_S
        while not is_enrolling(cluster.raylet):
            assert time.monotonic() < deadline
            assert run.poll() is None
            time.sleep(0.01)
        assert outer_listeners(cluster.raylet) == []
        cluster.kill_second()
        printed, said = run.communicate(timeout=PATIENCE_S)
    assert (run.returncode, said[-2000:] if run.returncode else "") == (0, "")
    written = json.loads(report.read_text())
    assert written["complete"] is True
    assert {entry["id"] for entry in written["people"]} == {f"RECO_ID_{number}" for number in range(PEOPLE)}
    assert [enrolments(site, f"RECO_ID_{number}") for number in range(PEOPLE)] == [[5]] * PEOPLE
    assert waiting(site) == []
    assert printed.splitlines()[-1].endswith(" 0 left out")


def test_an_address_without_a_cluster_is_one_sentence(site: Site, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: requirements-ray.txt")
    (tmp_path / "crowd" / "RECO_ID_1").mkdir(parents=True)
    command = [sys.executable, str(ROOT / "bin" / "enrol-folder"), str(tmp_path / "crowd")]
    command += ["--env", str(site.folder / ".env"), "--ray", "127.0.0.1:9"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: There is no Ray cluster at 127.0.0.1:9: [Errno 111] Connection refused\n"
