"""A real nginx before a server, with the configurations that people write, and the one in `deploy`."""

from __future__ import annotations

import datetime
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.servers import UnavailableError, answers, find_program, wait_until
from tools.installation.ports import free_port

SHIPPED = Path(__file__).resolve().parents[1] / "deploy" / "nginx.conf"
FORWARDS = """
    proxy_http_version 1.1; proxy_set_header Host $http_host; proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
"""
LOCATIONS = {
    "default": "",
    "forwarding": FORWARDS,
    "via": 'proxy_http_version 1.1; proxy_set_header Host localhost; proxy_set_header Via "1.1 nginx";',
    "silent": "proxy_http_version 1.1; proxy_set_header Host $http_host;",
}
"""What stands beside `proxy_pass`; `silent` tells nothing but what the client says."""
TLS = "tls"
"""The same as `forwarding`, over TLS."""
DEPLOYED = "deployed"


@contextmanager
def nginx(folder: Path, server: tuple[str, int]) -> Iterator[Mapping[str, int]]:
    """Run nginx before a server; yields the ports on 127.0.0.1. Raises `UnavailableError` where there is no nginx."""
    program = find_program("nginx")
    ports = {name: free_port() for name in (*LOCATIONS, TLS, DEPLOYED)}
    (folder / "nginx.conf").write_text(_configuration(folder, ports, "{}:{}".format(*server)))
    command = [program, "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]
    with (folder / "nginx.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_until(lambda: all(map(answers, ports.values())), lambda: process.poll() is None, "nginx")
        yield ports
    except UnavailableError as error:
        raise UnavailableError(f"{error}: {(folder / 'nginx.log').read_text()[-400:]}") from None
    finally:
        process.terminate()
        process.wait(60)


def _configuration(folder: Path, ports: Mapping[str, int], server: str) -> str:
    _make_certificate(folder)
    shipped = SHIPPED.read_text().replace("listen 8080", f"listen 127.0.0.1:{ports[DEPLOYED]}")
    shipped = re.sub(r"server faceapp-[12]:8001[^;]*;", f"server {server};", shipped).replace("${MAX_UPLOAD_MB}", "1")
    shipped = shipped.replace("/var/log/nginx/", f"{folder}/")
    pairs = {**{name: ("", text) for name, text in LOCATIONS.items()}, TLS: (" ssl", FORWARDS)}
    servers = [
        f"server {{ listen 127.0.0.1:{ports[name]}{how};"
        f" ssl_certificate cert.pem; ssl_certificate_key key.pem;"
        f" location / {{ proxy_pass http://{server}; {text} }} }}"
        for name, (how, text) in pairs.items()
    ]
    places = [f"{kind}_temp_path {kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    inside = "\n".join(["access_log off;", *places, *servers, shipped])
    return f"daemon off; master_process off; pid nginx.pid;\nevents {{}}\nhttp {{\n{inside}\n}}\n"


def _make_certificate(folder: Path) -> None:
    """Write a self-signed certificate for 127.0.0.1 that is valid for a day."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
