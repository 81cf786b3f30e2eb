"""The settings: what `.env` may hold, every fault at once, and edits that are live."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from db.session import open_sqlite, server_address
from env_validator import (
    PUBLISHED_PASSWORDS,
    Settings,
    SettingsFault,
    SettingsFile,
    described,
    folders_inside,
    listening_address,
    listening_faults,
    load_settings,
    operator_password,
)
from settings.keys import KEYS, REQUIRED

ROOT = Path(__file__).resolve().parents[2]
SECRET = "S3cret-of-the-test"  # the value that no fault may quote


@pytest.fixture
def env(tmp_path: Path) -> Path:
    """Return a valid `.env` in a folder of its own, made from the example that comes along."""
    for folder in ("static/people", "static/uploads", "db", "bin/model"):
        (tmp_path / folder).mkdir(parents=True)
    file = tmp_path / ".env"
    file.write_text((ROOT / ".env.example").read_text())
    return file


def put(env: Path, key: str, value: str) -> None:
    lines = [line for line in env.read_text().splitlines() if not line.startswith(f"{key}=")]
    env.write_text("\n".join([*lines, f"{key}={value}"]) + "\n")


def faults(env: Path) -> SettingsFault:
    with pytest.raises(SettingsFault) as caught:
        load_settings(env)
    return caught.value


@pytest.mark.parametrize("example", [".env.example", ".env.mysql.example"])
def test_an_example_is_valid_and_comments_each_of_the_24_keys(env: Path, example: str) -> None:
    env.write_text((ROOT / example).read_text())
    assert load_settings(env).unknown_keys == ()
    lines = env.read_text().splitlines()
    places = [number for number, line in enumerate(lines) if line and not line.startswith("#")]
    beside = {"ALLOW_SKIP_LIVENESS", "DATA_KEY"} if example == ".env.mysql.example" else set()
    assert {lines[place].split("=")[0] for place in places} >= {key.name for key in REQUIRED} | beside
    meanings = {key.name: key.meaning for key in KEYS}
    assert all(lines[place - 1].startswith(f"# {meanings[lines[place].split('=')[0]]}") for place in places)


def test_the_embedded_example_lets_the_servers_owner_skip_liveness_and_the_mysql_one_nobody(env: Path) -> None:
    assert load_settings(env).allow_skip_liveness == "auto"
    env.write_text((ROOT / ".env.mysql.example").read_text())
    assert load_settings(env).allow_skip_liveness == "false"


def test_values_are_parsed_and_paths_start_from_the_folder_of_the_file(env: Path) -> None:
    settings = load_settings(env)
    assert settings.db_path == env.parent / "static/people"
    assert settings.sqlite_path == env.parent / "db/faceapp.sqlite"
    assert settings.selected_models == ("Dlib", "SFace")
    assert settings.id_regex == r"RECO_ID_\d+"
    assert (settings.ver_tol, settings.score_tol, settings.sim_func) == (2, 7.0, "cosine")
    assert (settings.host, settings.port, settings.liveness_engines) == ("127.0.0.1", 8001, ())
    assert settings.super_password in PUBLISHED_PASSWORDS


def test_a_missing_file_lacks_all_24_keys_in_the_order_of_the_document(tmp_path: Path) -> None:
    fault = faults(tmp_path / ".env")
    assert (fault.not_in_env, fault.env_errs) == ([key.name for key in REQUIRED], [])
    assert len(fault.not_in_env) == 24
    assert fault.not_in_env[:3] + fault.not_in_env[-2:] == [
        "MODEL_PATH",
        "MODEL_URL",
        "MODEL_NAME",
        "SCORE_TOL",
        "UPLOAD_FOLDER",
    ]


@pytest.mark.parametrize("key", [key.name for key in REQUIRED])
def test_each_required_key_is_named_when_it_is_missing(env: Path, key: str) -> None:
    env.write_text("\n".join(line for line in env.read_text().splitlines() if not line.startswith(f"{key}=")))
    fault = faults(env)
    assert (fault.not_in_env, fault.env_errs) == ([key], [])


BAD = {
    "MODEL_PATH": ["", ".env", "a\\tb", "x" * 300],
    "MODEL_NAME": ["", SECRET, "model.pkl", "../model.h5", ".h5"],
    "MODEL_URL": ["", SECRET, "ftp://host/file", "http://", "https://[::1", "https://a b"],
    "SQL_URI": [
        "",
        "sqlite://",
        "sqlite:///",
        "sqlite:///gone/x.sqlite",
        "a:b:c",
        "host:99999",
        "ho st",
        "1.2.3",
        "[localhost]:3306",
    ],
    "SQL_SCHEMA": ["a-b", "12", "x" * 65],
    "SQL_TABLE": ["", "a b", "tablé", "faceapp_keys", "x;drop"],
    "ID_COL": ["", "a.b"],
    "PATH_COL": ["", "`a`"],
    "NAME_COL": ["", "RECO_id", "reco_path"],
    "DB_PATH": ["", "gone", ".env", "static", "static/uploads"],
    "UPLOAD_FOLDER": ["", "gone", ".env"],
    "TARGET_WIDTH": ["", "31", "1025", "224.5", "١٢٣", "-64", "9" * 5000],
    "TARGET_HEIGHT": ["31", SECRET],
    "SELECTED_MODELS": ["", SECRET, "Dlib,", "Dlib,Dlib", "Dlib;Facenet", "dlib"],
    "ID_REGEX": ["", "(", "(?u)x", "a{99999999999}"],
    "NUM_AUG": ["", "-1", "1.5", SECRET],
    "VER_TOL": ["0", "", "two"],
    "VER_TOL_AUG": ["0", ""],
    "SIM_FUNC": ["", "Cosine", SECRET],
    "LOG_LOC": ["", "static", "gone/faceapp.log"],
    "SCORE_TOL": ["", "-1", "10.001", "7,0", "nan", "inf", "7.000.1"],
    "SUPER_PASSWORD": ["", "Sh0rt!a", "alllower1!", "ALLUPPER1!", "NoDigits!!", "NoSymbol11"],
    "HOST": ["", "a b", "-x", "256.1.1.1"],
    "PORT": ["0", "65536", "http"],
    "THREADS": ["-1", "257"],
    "MODEL_MIRROR": ["gone", "ftp://host/", ".env"],
    "FETCH_MODELS": ["yes", "1", ""],
    "LIVENESS_ENGINES": ["", "none", "cnn,cnn", "auto,cnn", "Auto"],
    "TIGHT_FACES": ["", "live"],
    "LIVENESS_TIMEOUT_S": ["0", "601", "1.5", ""],
    "CHALLENGE_ACTIONS": ["", "smile", "smile,smile", "turn_left,nod"],
    "MODEL_SHA256": ["abc", "g" * 64],
    "ENROL_LIVENESS": ["Warn", ""],
    "ALLOW_SKIP_LIVENESS": ["", "1", "admin"],
    "DUPLICATE_POLICY": ["no", ""],
    "VER_FMR": ["0", "1", "1e-9", ""],
    "SEARCH_FPIR": ["0", "0.9"],
    "CALIBRATION_FOLDER": ["gone", ".env"],
    "VECTOR_STORE": [
        "milvus",
        "milvus:",
        "milvus:lite",
        "milvus:gone/lite.db",
        "milvus:ftp://host:19530",
        "milvus:http://:19530",
        "milvus:http://host:19530/one/two",
        "milvus:http://host:19530?token=x",
        f"redis:http://root:{SECRET}@host",
    ],
    "MAX_UPLOAD_MB": ["0", "1e9"],
    "MAX_PHOTOS": ["0", "1001"],
    "MAX_IMAGE_MB": ["0"],
    "MAX_PIXELS": ["1"],
    "LOG_MAX_MB": ["0"],
    "LOG_KEEP": ["0"],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in BAD.items() for value in values])
def test_a_bad_value_is_one_line_of_its_key_that_says_what_is_accepted(env: Path, key: str, value: str) -> None:
    put(env, key, f'"{value}"' if "\\" in value else value)
    fault = faults(env)
    accepted = next(candidate.accepted for candidate in KEYS if candidate.name == key)
    assert fault.not_in_env == []
    assert len(fault.env_errs) == 1
    assert fault.env_errs[0].startswith(f"{key}: ")
    assert fault.env_errs[0].endswith(f", accepted: {accepted}")
    assert SECRET not in fault.env_errs[0]


GOOD = {
    "MODEL_PATH": ["not/there/yet", "/tmp"],
    "MODEL_NAME": ["model.keras"],
    "MODEL_URL": ["http://localhost:9/x.h5"],
    "SQL_URI": [
        "localhost",
        "db.example.org:3307",
        "10.0.0.1",
        "::1",
        "[::1]:3306",
        "sqlite:////tmp/x.sqlite",
    ],
    "SQL_PASS": ["", "with spaces", "'#$'"],
    "SELECTED_MODELS": ["Dlib, MobileFaceNet", "VGG-Face,Facenet512"],
    "ID_REGEX": [r"[A-Z]{3}\d{1,9}", "'.+'"],
    "NUM_AUG": ["0"],
    "SCORE_TOL": ["0", "10", "7.25"],
    "HOST": ["0.0.0.0", "::1", "localhost"],
    "MODEL_MIRROR": ["", "bin", "https://mirror.example.org/weights/"],
    "FETCH_MODELS": ["TRUE", "False"],
    "LIVENESS_ENGINES": ["cnn,fasnet", "fasnet", "facenox,cnn,fasnet", "auto"],
    "TIGHT_FACES": ["judge", "uncertain"],
    "LIVENESS_TIMEOUT_S": ["1", "600"],
    "CHALLENGE_ACTIONS": ["turn_left,smile", "blink, turn_right,smile,turn_left"],
    "VER_FMR": ["0.001", "1e-4"],
    "CALIBRATION_FOLDER": ["", "bin"],
    "VECTOR_STORE": [
        "",
        "memory",
        "milvus:db/lite.db",
        "milvus:http://127.0.0.1:19530",
        "milvus:https://root:pass@milvus.example.org/faces",
    ],
    "SUPER_PASSWORD": ["Ünïcode-Pass1"],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in GOOD.items() for value in values])
def test_an_accepted_value_is_accepted(env: Path, key: str, value: str) -> None:
    for name in ("SQL_USER", "SQL_SCHEMA"):
        put(env, name, "root")
    put(env, key, value)
    assert isinstance(load_settings(env), Settings)


def test_the_vector_store_is_a_url_a_file_or_nothing_and_its_password_is_not_shown(env: Path) -> None:
    assert load_settings(env).vector_store == ""
    put(env, "VECTOR_STORE", "milvus:db/lite.db")
    assert load_settings(env).vector_store == str(env.parent / "db/lite.db")
    put(env, "VECTOR_STORE", f"milvus:http://root:{SECRET}@host:19530")
    settings = load_settings(env)
    assert settings.vector_store == f"http://root:{SECRET}@host:19530"
    assert SECRET not in repr(settings)


def test_the_address_is_known_whatever_else_is_wrong(env: Path) -> None:
    env.write_text("PORT=9000\nHOST=a b\nTHREADS=3\n")
    assert listening_address(env) == ("127.0.0.1", 9000, 3)
    assert listening_address(env.parent / "gone") == ("127.0.0.1", 8001, 0)
    env.write_bytes(b"PORT=9000\nSQL_PASS=\xff")
    assert listening_address(env) == ("127.0.0.1", 8001, 0)


def test_listening_elsewhere_than_meant_is_told(env: Path) -> None:
    assert listening_faults(env) == []
    (gone,) = listening_faults(env.parent / "gone")
    assert gone.startswith(f"There is no {env.parent / 'gone'}: ")
    assert gone.endswith(" Listening on 127.0.0.1:8001.")
    env.write_text("PORT=80a1\nVER_TOL=x\n")
    assert listening_faults(env) == [
        "PORT: is not a whole number, accepted: a whole number from 1 to 65535. Used instead: 8001"
    ]
    env.write_bytes(b"PORT=9000\nSQL_PASS=\xff")
    (unread,) = listening_faults(env)
    assert unread == f"{env.name}: is not UTF-8 text, accepted: lines KEY=VALUE in UTF-8. Listening on 127.0.0.1:8001"


def test_the_folders_that_are_named_inside_are_known_whatever_else_is_wrong(env: Path) -> None:
    lines = ["DB_PATH=a/people", "UPLOAD_FOLDER=/elsewhere", "MODEL_PATH=../up", "LOG_LOC=logs/x.log", "VER_TOL=x"]
    env.write_text("\n".join([*lines, "SQL_URI=sqlite:///base/faceapp.sqlite"]))
    inside = [str(folder.relative_to(env.parent)) for folder in folders_inside(env)]
    assert inside == ["a/people", "logs", "base"]
    env.write_bytes(b"\xff")
    assert folders_inside(env) == []


def test_all_faults_come_at_once_in_the_order_of_the_table(env: Path) -> None:
    for key, value in {
        "UPLOAD_FOLDER": "gone",
        "VER_TOL": "0",
        "PORT": "x",
        "MODEL_NAME": "x",
        "SQL_PASS": '"',
    }.items():
        put(env, key, value)
    env.write_text(env.read_text().replace("SIM_FUNC=cosine\n", "").replace("ID_COL=reco_id\n", ""))
    fault = faults(env)
    assert fault.not_in_env == ["SQL_PASS", "ID_COL", "SIM_FUNC"]
    keys = [line.split(":")[0] for line in fault.env_errs]
    assert keys[:4] == ["MODEL_NAME", "VER_TOL", "UPLOAD_FOLDER", "PORT"]
    assert keys[4].startswith("line ")
    assert len(keys) == 5


def test_mysql_wants_a_user_and_a_schema_but_no_password(env: Path) -> None:
    put(env, "SQL_URI", "localhost")
    assert [line.split(":")[0] for line in faults(env).env_errs] == ["SQL_USER", "SQL_SCHEMA"]


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("localhost", ("localhost", 3306)),
        ("h:3307", ("h", 3307)),
        ("::1", ("::1", 3306)),
        ("[::1]:9", ("::1", 9)),
    ],
)
def test_the_address_of_mysql_has_its_default_port(env: Path, uri: str, address: tuple[str, int]) -> None:
    for key, value in {"SQL_URI": uri, "SQL_USER": "root", "SQL_SCHEMA": "faces"}.items():
        put(env, key, value)
    settings = load_settings(env)
    assert (settings.sqlite_path, server_address(settings.sql_uri)) == (None, address)


def test_a_key_that_stands_twice_is_a_fault(env: Path) -> None:
    env.write_text(env.read_text() + "NUM_AUG=4\n")
    assert faults(env).env_errs == [
        "NUM_AUG: is set more than once, accepted: one line for each key",
    ]


def test_a_line_that_cannot_be_parsed_is_a_fault_with_its_number(env: Path) -> None:
    env.write_text("MODEL PATH\n" + env.read_text())
    assert faults(env).env_errs == ["line 1: cannot be parsed, accepted: KEY=VALUE"]
    env.write_bytes(b"NUM_AUG=4\r\n\r\n\r\n" + env.read_bytes().replace(b"NUM_AUG=4\n", b""))
    assert faults(env).env_errs == ["line 4: cannot be parsed, accepted: KEY=VALUE"]


def test_a_file_that_is_not_utf8_is_a_fault(env: Path) -> None:
    env.write_bytes(b"SQL_PASS=\xff\xfe\n")
    assert faults(env).env_errs == [".env: is not UTF-8 text, accepted: lines KEY=VALUE in UTF-8"]


def test_a_folder_called_env_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert faults(tmp_path / ".env").env_errs == [".env: cannot be read, accepted: a file that the server may read"]


def test_a_byte_order_mark_windows_line_ends_and_export_do_no_harm(env: Path) -> None:
    env.write_bytes(b"\xef\xbb\xbf" + env.read_bytes().replace(b"\n", b"\r\n").replace(b"VER_TOL=", b"export VER_TOL="))
    assert load_settings(env).ver_tol == 2


def test_the_process_environment_is_neither_read_nor_changed(env: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VER_TOL", "9")
    monkeypatch.delenv("NUM_AUG", raising=False)
    put(env, "SQL_PASS", "${VER_TOL}$HOME")
    before = dict(os.environ)
    settings = load_settings(env)
    assert (settings.ver_tol, settings.sql_pass) == (2, "${VER_TOL}$HOME")
    assert dict(os.environ) == before


def test_a_misspelt_key_is_reported_but_no_fault(env: Path) -> None:
    put(env, "MAX_UPLOADMB", "8")
    assert load_settings(env).unknown_keys == ("MAX_UPLOADMB",)
    assert load_settings(env).unknown_explained() == ["MAX_UPLOADMB (did you mean MAX_UPLOAD_MB?)"]


def test_repr_hides_every_value_that_may_hold_a_password(env: Path) -> None:
    address = f"http://user:{SECRET}@host/"
    for key in ("SQL_PASS", "SUPER_PASSWORD"):
        put(env, key, SECRET)
    for key, value in {"MODEL_URL": address, "MODEL_MIRROR": address, "VECTOR_STORE": f"milvus:{address}"}.items():
        put(env, key, value)
    put(env, "SUPER_PASWORD", SECRET)
    settings = load_settings(env)
    assert (settings.sql_pass, settings.super_password) == (SECRET, SECRET)
    assert SECRET not in repr(settings)


def test_looking_at_the_settings_leaves_no_file_behind(env: Path) -> None:
    before = sorted(env.parent.rglob("*"))
    load_settings(env)
    assert sorted(env.parent.rglob("*")) == before


def test_an_edit_counts_with_the_next_call_even_within_the_same_instant_and_size(env: Path) -> None:
    file = SettingsFile(env)
    assert file.current().num_aug == 4
    stamp = env.stat()
    env.write_text(env.read_text().replace("NUM_AUG=4", "NUM_AUG=5"))
    os.utime(env, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert file.current().num_aug == 5
    env.write_text(env.read_text().replace("NUM_AUG=5", "NUM_AUG=3"))
    assert file.current().num_aug == 3


def test_rewriting_the_same_content_changes_nothing(env: Path) -> None:
    file = SettingsFile(env)
    first = file.current()
    env.write_text(env.read_text())
    assert file.current() is first


def test_a_broken_file_is_faulty_until_it_is_mended(env: Path) -> None:
    file = SettingsFile(env)
    good = env.read_text()
    put(env, "VER_TOL", "none")
    with pytest.raises(SettingsFault):
        file.current()
    with pytest.raises(SettingsFault):
        file.current()
    env.write_text(good)
    assert file.current().ver_tol == 2


def test_a_missing_folder_that_is_made_mends_the_settings_without_an_edit(env: Path) -> None:
    put(env, "DB_PATH", "people")
    file = SettingsFile(env)
    with pytest.raises(SettingsFault):
        file.current()
    (env.parent / "people").mkdir()
    assert file.current().db_path == env.parent / "people"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no /proc, where nobody may make files")
def test_a_folder_that_takes_no_files_is_a_fault(env: Path) -> None:
    put(env, "DB_PATH", "/proc")
    assert [line.split(",")[0] for line in faults(env).env_errs] == ["DB_PATH: cannot be written to"]


def test_the_operators_password_is_read_whatever_else_is_wrong(env: Path) -> None:
    put(env, "SUPER_PASSWORD", "Of-th1s-test-alone")
    put(env, "VER_TOL", "many")
    assert operator_password(env) == "Of-th1s-test-alone"


@pytest.mark.parametrize("value", ["", "weak", "no-digit-In-it", None])
def test_a_password_that_is_missing_or_weak_opens_nothing(env: Path, value: str | None) -> None:
    lines = [line for line in env.read_text().splitlines() if not line.startswith("SUPER_PASSWORD=")]
    env.write_text("\n".join([*lines, *([] if value is None else [f"SUPER_PASSWORD={value}"])]) + "\n")
    assert operator_password(env) is None


def test_without_a_file_there_is_no_password(tmp_path: Path) -> None:
    assert operator_password(tmp_path / "nothing") is None


def test_every_key_is_described_and_no_value_that_may_be_a_secret(env: Path, tmp_path: Path) -> None:
    put(env, "SUPER_PASSWORD", "Of-th1s-test-alone")
    put(env, "NUM_AUG", SECRET)
    put(env, "VER_TOL", "7")
    rows = {str(row["key"]): row for row in described(env)}
    assert [*rows] == [key.name for key in KEYS]
    assert rows["VER_TOL"]["value"] == "7"
    assert rows["VER_TOL"]["fault"] is None
    assert rows["NUM_AUG"]["fault"] == "is not a whole number, accepted: a whole number from 0 to 1000"
    assert rows["NUM_AUG"]["value"] is rows["SUPER_PASSWORD"]["value"] is None
    assert SECRET not in str(rows)
    defaults = {key.name: None if key.is_secret else key.default for key in KEYS}
    assert {name: row["default"] for name, row in rows.items()} == defaults
    unreadable = described(tmp_path)
    assert [row["key"] for row in unreadable] == [tmp_path.name, *(key.name for key in KEYS)]
    assert operator_password(tmp_path) is None


def test_reading_the_settings_keeps_the_locks_of_an_open_database(env: Path) -> None:
    file = env.parent / "a.sqlite"
    put(env, "SQL_URI", f"sqlite:///{file}")
    with closing(open_sqlite(file, "rwc")) as connection:
        connection.execute("CREATE TABLE t (a INTEGER)")
        load_settings(env)
        other = f"import sqlite3; c = sqlite3.connect({str(file)!r}); c.execute('SELECT * FROM t').close(); c.close()"
        subprocess.run([sys.executable, "-c", other], check=True)
        assert sorted(one.name for one in env.parent.glob("a.sqlite*")) == ["a.sqlite", "a.sqlite-shm", "a.sqlite-wal"]
