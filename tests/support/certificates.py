"""A certificate authority for one kube-apiserver: its server, an administrator, its tokens' key."""

import subprocess
from pathlib import Path

CONFIG = "[req]\ndistinguished_name=name\n[name]\n"
DAYS = "3650"
CA_EXTENSIONS = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]


def make_certificates(folder: Path) -> None:
    """Writes ca, server and admin (each .crt and .key) and tokens.key into the folder."""
    folder.mkdir(mode=0o700)
    (folder / "openssl.cnf").write_text(CONFIG)
    _certificate(folder, "ca", "/CN=bulkhead-tests", CA_EXTENSIONS)
    name_server(folder, "IP:127.0.0.1,DNS:localhost")
    admin = ["extendedKeyUsage=clientAuth"]
    _certificate(folder, "admin", "/O=system:masters/CN=certificate-admin", admin)
    _openssl(folder, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "tokens.key")


def name_server(folder: Path, names: str) -> None:
    """Makes server.crt and server.key for these names, which are as in "DNS:localhost"."""
    server = [f"subjectAltName={names}", "extendedKeyUsage=serverAuth"]
    _certificate(folder, "server", "/CN=kube-apiserver", server)


def let_expire(folder: Path, name: str) -> None:
    """Makes NAME.crt one that ended yesterday, of the same key and the same authority."""
    copy = ("-copy_extensions", "copy")
    signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-days", "-1")
    request = ("-in", f"{name}.crt", "-signkey", f"{name}.key", "-out", "request.pem")
    _openssl(folder, "x509", "-x509toreq", *request, *copy)
    _openssl(folder, "x509", "-req", "-in", "request.pem", *signed, *copy, "-out", f"{name}.crt")


def _certificate(folder: Path, name: str, subject: str, extensions: list[str]) -> None:
    signer = [] if name == "ca" else ["-CA", "ca.crt", "-CAkey", "ca.key"]
    added = [text for extension in extensions for text in ("-addext", extension)]
    _openssl(
        folder,
        *("req", "-x509", "-config", "openssl.cnf", "-days", DAYS, "-nodes"),
        *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        *("-subj", subject, "-keyout", f"{name}.key", "-out", f"{name}.crt"),
        *added,
        *signer,
    )


def _openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr}")
