"""deploy/: what there is no container engine for here can at least be well formed, complete and without secrets."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from codes_dict import Code
from env_validator import PUBLISHED_PASSWORDS, Settings, load_settings
from settings.keys import KEYS, REQUIRED

yaml = pytest.importorskip("yaml")

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
NGINX = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
EXAMPLE = (DEPLOY / ".env.compose.example").read_text(encoding="utf-8")
KEPT_IN = re.compile(r"(?m)^([A-Z0-9_]+)=(.*)$")
SERVERS = ("faceapp-1", "faceapp-2")
STORES = ("mysql", "milvus", "etcd", "minio", "redis")
STEM = {"/upload_imgs": "upload", "/upload_db": "result", "/verify": "recognition"}

TOP = {"name", "services", "networks", "volumes", "secrets", "configs", "include"}
SERVICE = {
    "image", "build", "restart", "init", "stop_grace_period", "security_opt", "cap_drop", "networks", "depends_on",
    "healthcheck", "ports", "environment", "volumes", "command",
}  # fmt: skip
"""Those keys of the Compose Specification that we use."""
HEALTHCHECK = {"test", "interval", "timeout", "retries", "start_period"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
TIME = re.compile(r"([0-9]+h)?([0-9]+m)?([0-9]+s)?")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return what the servers would read, its folders moved to where a test may write."""
    text = EXAMPLE
    folders = {"DB_PATH": "people", "UPLOAD_FOLDER": "uploads", "FACEHASH_FOLDER": "facehash"}
    for key, name in {**folders, "LOG_LOC": "log/faceapp.log"}.items():
        place = tmp_path / name
        (place.parent if place.suffix else place).mkdir()
        text = re.sub(rf"(?m)^{key}=.*$", f"{key}={place}", text)
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    return load_settings(tmp_path / ".env")


def test_the_file_has_no_key_that_the_specification_does_not_know(compose: dict[str, Any]) -> None:
    assert {key for key in compose if not key.startswith("x-")} <= TOP
    assert set(compose["services"]) == {"nginx", *SERVERS, *STORES}
    assert {key for service in compose["services"].values() for key in service} <= SERVICE


def test_every_service_has_an_image_of_one_version(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert re.fullmatch(r"[a-z0-9./-]+:[A-Za-z0-9._-]+", service["image"]), name
        assert not service["image"].endswith(":latest")
    assert {compose["services"][name]["build"]["dockerfile"] for name in SERVERS} == {"deploy/Dockerfile"}
    assert (DEPLOY / "Dockerfile").is_file()


def test_every_service_has_a_health_check(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        check = service["healthcheck"]
        assert set(check) <= HEALTHCHECK, name
        assert check["test"][0] in {"CMD", "CMD-SHELL"}
        assert len(check["test"]) == 2 or check["test"][0] == "CMD"
        assert all(isinstance(part, str) for part in check["test"])
        assert all(TIME.fullmatch(check[key]) for key in {"interval", "timeout", "start_period"} & set(check))
        assert isinstance(check["retries"], int)


def test_everybody_waits_until_what_it_needs_is_healthy(compose: dict[str, Any]) -> None:
    waits = {name: service.get("depends_on", {}) for name, service in compose["services"].items()}
    conditions = {how["condition"] for needs in waits.values() for how in needs.values()}
    assert conditions == {"service_healthy"}
    assert conditions <= CONDITIONS
    assert {name: set(needs) for name, needs in waits.items() if needs} == {
        "nginx": set(SERVERS),
        "faceapp-1": {"mysql", "milvus", "redis"},
        "faceapp-2": {"mysql", "milvus", "redis"},
        "milvus": {"etcd", "minio"},
    }


def test_only_nginx_is_published_and_on_loopback_alone(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {"nginx": ["127.0.0.1:8080:8080"]}
    assert all(compose["services"][name]["networks"] == ["back"] for name in STORES)
    assert compose["networks"]["back"] == {"internal": True}


def test_what_is_named_is_declared(compose: dict[str, Any]) -> None:
    mounts = [mount for service in compose["services"].values() for mount in service["volumes"]]
    sources = {mount.split(":")[0] for mount in mounts}
    files = {source for source in sources if source.startswith("./")}
    assert sources - files == set(compose["volumes"])
    assert files == {"./nginx.conf", "./.env.compose"}
    used = {network for service in compose["services"].values() for network in service["networks"]}
    assert used == set(compose["networks"])


def test_no_secret_stands_in_the_files(compose: dict[str, Any]) -> None:
    given = [service.get("environment", {}) for service in compose["services"].values()]
    secrets = {key: value for one in given for key, value in one.items() if re.search("PASSWORD|SECRET", key)}
    assert set(secrets) == {
        "MYSQL_PASSWORD", "MYSQL_RANDOM_ROOT_PASSWORD", "MINIO_ROOT_PASSWORD", "MINIO_SECRET_ACCESS_KEY",
    }  # fmt: skip
    assert secrets.pop("MYSQL_RANDOM_ROOT_PASSWORD") == "yes"
    assert [value for value in secrets.values() if not re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", value)] == []
    values = dict(KEPT_IN.findall(EXAMPLE + (DEPLOY / ".env.minio.example").read_text(encoding="utf-8")))
    assert (values["SQL_PASS"], values["MINIO_PASSWORD"]) == ("", "")
    assert values["SUPER_PASSWORD"] in PUBLISHED_PASSWORDS


def test_the_variables_that_compose_asks_for_are_in_the_examples() -> None:
    text = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
    asked = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", text))
    examples = EXAMPLE + (DEPLOY / ".env.minio.example").read_text(encoding="utf-8")
    assert asked <= {key for key, _ in KEPT_IN.findall(examples)}
    ignored = (DEPLOY.parent / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"/deploy/.env.compose", "/deploy/.env.minio"} <= set(ignored)


def test_the_example_is_complete_and_valid(settings: Settings) -> None:
    keys = [key for key, _ in KEPT_IN.findall(EXAMPLE)]
    assert set(keys) <= {key.name for key in KEYS}
    assert {key.name for key in REQUIRED} <= set(keys)
    assert settings.unknown_keys == ()
    assert settings.super_password in PUBLISHED_PASSWORDS


def test_the_servers_reach_what_compose_starts(compose: dict[str, Any]) -> None:
    values = dict(KEPT_IN.findall(EXAMPLE))
    assert values["SQL_URI"] == "mysql:3306"
    assert values["VECTOR_STORE"] == "milvus:http://milvus:19530"
    assert values["LIMIT_STORE"] == "redis://redis:6379"
    assert values["HOST"] == "0.0.0.0"
    for name in SERVERS:
        mounts = dict(reversed(mount.split(":")[:2]) for mount in compose["services"][name]["volumes"])
        assert mounts["/app/.env"] == "./.env.compose"
        folders = [values[key] for key in ("DB_PATH", "UPLOAD_FOLDER", "FACEHASH_FOLDER")]
        assert [mounts[folder] for folder in folders] == ["people", "uploads", "facehash"]
        made = re.search(r"install -d -o faceapp -g faceapp (.*)", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
        assert made
        assert {*folders, str(Path(values["LOG_LOC"]).parent)} == set(made[1].split())
        assert mounts[str(Path(values["LOG_LOC"]).parent)] == f"log-{name[-1]}"
        assert f":{values['PORT']}/health/ready" in compose["services"][name]["healthcheck"]["test"][-1]


def test_what_a_server_keeps_of_people_gets_into_no_image() -> None:
    ignored = (DEPLOY.parent / ".gitignore").read_text(encoding="utf-8").splitlines()
    left_out = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line.strip("/") for line in ignored if line.startswith(("/static/", "/audit/", "/db/"))}
    assert len(kept) == 5
    assert kept <= set(left_out)


def test_nginx_names_both_servers_and_tries_no_answer_again(compose: dict[str, Any]) -> None:
    port = dict(KEPT_IN.findall(EXAMPLE))["PORT"]
    assert re.findall(r"(?m)^    server ([a-z0-9-]+:[0-9]+) ", NGINX) == [f"{name}:{port}" for name in SERVERS]
    assert re.findall(r"proxy_next_upstream ([^;]+);", NGINX) == ["error timeout"]
    assert re.findall(r"client_max_body_size ([^;]+);", NGINX) == ["${MAX_UPLOAD_MB}m"]
    assert "MAX_UPLOAD_MB" in compose["services"]["nginx"]["environment"]
    assert NGINX.count("{") == NGINX.count("}")


@pytest.mark.parametrize(("variable", "code"), [("too_large", Code.TOO_LARGE), ("nobody_there", Code.BUSY)])
def test_what_nginx_answers_by_itself_has_the_endpoints_form(variable: str, code: Code) -> None:
    table = re.search(rf"map \$uri \${variable} {{(.*?)\n}}", NGINX, re.DOTALL)
    assert table
    answers = {place: json.loads(text) for place, text in re.findall(r"(\S+)\s+'(.*?)';", table[1])}
    assert answers.pop("default") == {
        "code": int(code), "message": code.message, "results": None, "system_errors": None,
    }  # fmt: skip
    assert set(answers) == {f"~^{place}/?$" for place in STEM}
    for place, stem in STEM.items():
        results = "recognition_results" if stem == "recognition" else "upload_results"
        assert answers[f"~^{place}/?$"] == {
            f"{stem}_code": int(code), f"{stem}_message": code.message, results: None, "system_errors": None,
        }  # fmt: skip


def test_systemd_knows_every_key_of_the_unit(tmp_path: Path) -> None:
    systemd = shutil.which("systemd-analyze")
    if systemd is None:
        pytest.skip("systemd is not installed")
    text = (DEPLOY / "faceapp.service").read_text(encoding="utf-8")
    unit = tmp_path / "faceapp.service"
    unit.write_text(text.replace("/opt/faceapp", str(DEPLOY.parent)).replace("User=faceapp", "User=root"), "utf-8")
    checked = subprocess.run([systemd, "verify", unit], capture_output=True, text=True, timeout=120, check=False)
    said = [line for line in checked.stderr.splitlines() if "faceapp" in line]
    assert (checked.returncode, said) == (0, [])
