"""What a nats-server demands of its clients: certificates, NKeys, credentials of an operator."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

from support.nats_server import NatsServer
from support.places import tool


def put(source: Path, place: Path) -> None:
    """Replaces the files as a Secret's volume does: all of a sudden, with new inodes."""
    place.mkdir(exist_ok=True)
    for file in source.iterdir():
        put_file(file, place / file.name)


def put_file(source: Path, target: Path) -> None:
    new = target.with_name(f"{target.name}.new")
    shutil.copy(source, new)
    new.rename(target)


def tls_block(place: Path, verify: bool = True) -> str:
    """The server shows server.crt of this place; with `verify` it takes only clients of its ca."""
    demand = f', ca_file: "{place}/ca.crt", verify: true' if verify else ""
    return f'tls {{ cert_file: "{place}/server.crt", key_file: "{place}/server.key"{demand} }}\n'


def demand(nats: NatsServer, options: str) -> None:
    """Restarts the server with these options on top of its own."""
    plain = nats.config.read_text()
    nats.stop()
    nats.config.write_text(f"{plain}\n{options}\n")
    nats.start()


def nkey_users(*public: str) -> str:
    users = ", ".join(f"{{ nkey: {key} }}" for key in public)
    return f"authorization {{ users: [{users}] }}\n"


def _nats(folder: Path, *arguments: str) -> str:
    """The NATS command line tool, with all that it keeps in this folder."""
    places = {name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    done = subprocess.run(
        [tool("nats"), *arguments],
        env=os.environ | places,
        capture_output=True,
        text=True,
        cwd=folder,
    )
    if done.returncode != 0:
        raise RuntimeError(f"nats {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


def make_nkey(folder: Path, name: str) -> tuple[Path, str]:
    """A new user's NKey: the file with the seed, and the public key."""
    folder.mkdir(exist_ok=True)
    seed = folder / f"{name}.nk"
    _nats(folder, "auth", "nkey", "gen", "user", f"--output={seed}")
    return seed, _nats(folder, "auth", "nkey", "show", str(seed)).split()[-1]


class Operator:
    """An operator with an account for JetStream, whose users have credentials files."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.store = folder / "nats" / "nsc" / "stores" / "OP"
        _nats(folder, "auth", "operator", "add", "OP")
        unlimited = ["--jetstream", "--js-disk=-1", "--js-memory=-1", "--defaults"]
        _nats(folder, "auth", "account", "add", "APP", "--operator=OP", *unlimited)

    def credentials(self, name: str, expire: str = "1h") -> Path:
        """The file of a new user, good for this long."""
        path = self.folder / f"{name}.creds"
        _nats(self.folder, "auth", "user", "add", name, "APP", "--operator=OP", "--defaults")
        where = ["--operator=OP", f"--expire={expire}", "--force"]
        _nats(self.folder, "auth", "user", "credential", str(path), name, "APP", *where)
        return path

    def options(self) -> str:
        """For the server's configuration."""
        accounts = {name: self._account(name) for name in ("SYSTEM", "APP")}
        tokens = "\n".join(f"{subject}: {token}" for subject, token in accounts.values())
        return (
            f'operator: "{self.store}/OP.jwt"\n'
            f"system_account: {accounts['SYSTEM'][0]}\n"
            f"resolver: MEMORY\nresolver_preload {{\n{tokens}\n}}\n"
        )

    def _account(self, name: str) -> tuple[str, str]:
        """The account's public key, and the token that says what it may."""
        token = (self.store / "accounts" / name / f"{name}.jwt").read_text().strip()
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        return str(claims["sub"]), token
