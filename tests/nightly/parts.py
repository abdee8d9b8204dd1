"""The parts of a night: each is one command that ends with 0 where all was as it must be.

A part is the full form of what `make test` or `.ci/run` tries in small, or what neither holds at all (docs/testing.md).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One command of a night, about how many `minutes` it takes on two cores, and the programs that it `needs`."""

    name: str
    holds: str
    command: tuple[str, ...]
    minutes: int
    needs: tuple[str, ...] = ()

    @property
    def limit_s(self) -> float:
        """Return when the part is ended from outside: its own tests have limits, and this is beyond them."""
        return 60.0 * (15 + 3 * self.minutes)


def _make(name: str, holds: str, minutes: int, *needs: str, settings: tuple[str, ...] = ()) -> Part:
    return Part(name, holds, ("make", name, *settings), minutes, needs)


def _pytest(name: str, holds: str, minutes: int, *needs: str, tests: tuple[str, ...], **settings: str) -> Part:
    given = [f"{name}={value}" for name, value in settings.items()]
    command = ("env", *given, ".venv/bin/python", "-m", "pytest", *tests)
    return Part(name, holds, command, minutes, needs)


PARTS = (
    _make("test", "every promise of behaviour, as before each change", 12),
    _make("house", "the rules of this repository: words, pages, generated files, tools", 1),
    Part("forms", "the small form of each part, also those that are too long for `.ci/run`",
         (".venv/bin/python", "-m", "tests.suite", "--small-forms"), 9),
    _make("policy-mutants", "each mistake in a policy makes one of its cases fail", 2),
    _make("mutants", "each deliberate mistake in the program makes a test fail", 20),
    _make("browser", "every page of the console: seven languages, both schemes, three widths", 30,
          "chromium-headless-shell"),
    _pytest("properties", "every property, on 500 random examples of each", 20, tests=("tests", "-m", "hypothesis"),
            LIAISON_NIGHT="1"),
    _pytest("install", "bundle, installation page in an empty Debian, units, release", 8,
            "mmdebstrap", "nft", "systemd-analyze", "ssh-keygen", tests=("tests/install",)),
    _make("image-test", "the image is built twice, and three nodes are served from it", 10,
          "buildah", "podman", "mmdebstrap"),
    _pytest("databases", "sources on PostgreSQL and MariaDB keep the contract of SQLite; all of the sources' tests", 6,
            "mariadbd", tests=("tests/contract",)),
    _pytest("openapi", "generated calls of each operation of the REST API, all phases", 20,
            tests=("tests/federation/test_openapi.py",), LIAISON_API_EXAMPLES="15",
            LIAISON_API_PHASES="examples,coverage,fuzzing,stateful"),
    _pytest("desk-machine", "long runs of both sides of threads over a link that loses and doubles", 10,
            tests=("tests/federation/test_desk_machine.py",), LIAISON_SLOW="1"),
    _pytest("attachments", "a film of 2,000 MiB is carried in bounded memory", 6,
            tests=("tests/federation/test_attachments_memory.py",), LIAISON_SLOW="1"),
    _pytest("group-commit", "entries that share a durable commit, over a long run", 5,
            tests=("tests/federation/test_group_commit.py",), LIAISON_GROUP_ROUNDS="200"),
    _pytest("as-of", "10,000 questions to sources that break, freeze, slow down and go back", 8,
            tests=("tests/federation/test_as_of.py",), LIAISON_QUESTIONS="10000"),
    _make("gms", "the region in small: six nodes, seventy offices, one down and one hanging", 6),
    _make("versions", "nodes of the last release and of a next version exchange everything, then both run it", 4),
    _make("reproduce", "each release's commit makes the wheel and the bundle that are listed", 3),
    _make("rolling", "two machines of the last release are upgraded one after the other while officers ask", 10),
    _make("restarts", "processes of a node on PostgreSQL are killed and restarted while officers ask", 10),
    _pytest("pauses", "database, node, source and witness stand still for 1 to 60 s while officers ask", 8,
            tests=("tests/federation/test_pauses.py",), LIAISON_PAUSES="1 10 20 60"),
    _make("rotation", "each key is rotated under load", 8),
    _make("timing", "time does not tell a hidden record from none, with 2,000 samples of each", 20),
    _make("faults", "writes and syncs of a node and of commands fail, tear and lose power", 60, "strace", "cc",
          settings=("FAULTS=20",)),
    _make("torture", "running nodes are killed 2,000 times at random moments", 60),
    _make("fuzz", "each parser of foreign bytes, for a minute", 20),
    _make("soak", "an hour of mixed traffic with hostile members", 62),
    _make("scale", "three agency databases of a million rows", 20),
    _make("audit-scale", "an export of a million entries is verified with all statements", 40),
)  # fmt: skip
"""In the order in which they are run: what finds most in a minute first."""
