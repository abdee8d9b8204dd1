"""Workers that are not ours: one whose frames are wrong in one way, and one that looks at what it can open.

`odd` stands for a worker that was taken over. It needs no module of ours but the plainest, so it starts at once.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

_HEAD = struct.Struct("<I")
_MODULE = "tests.support.odd_worker"
TURNED = ["UNAVAILABLE", "odd", ""]


def odd(home: Path, way: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a worker of that way."""
    command = [sys.executable, "-m", _MODULE, str(home), way, *arguments]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


# ---------------------------------------------------------------- what runs in the process


class _Odd:
    def __init__(self, home: Path) -> None:
        self.home = home
        self.policy, self.source = b"", ""
        folder = os.open(home, os.O_PATH)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(f"/proc/self/fd/{folder}/workers-0.sock")
        self.epoch = b""

    def read(self) -> list[Any]:
        (size,) = _HEAD.unpack(self._exactly(_HEAD.size))
        frame: list[Any] = msgspec.msgpack.decode(self._exactly(size))
        return frame

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                sys.exit(0)
            data += more
        return data

    def send(self, *parts: Any) -> None:
        self.raw(msgspec.msgpack.encode([parts[0], self.epoch, *parts[1:]]))

    def raw(self, data: bytes) -> None:
        try:
            self.socket.sendall(_HEAD.pack(len(data)) + data)
        except OSError:
            sys.exit(0)

    def misbehave(self, way: str, batch: int, places: int) -> None:
        """Answer a batch in a way in which no worker of ours does."""
        turned = [[batch, place, None, TURNED] for place in range(places)]
        match way:
            case "wrong-batch":
                self.send(3, [[batch + 1, 0, None, TURNED]])
            case "wrong-place":
                self.send(3, [[batch, 63, None, TURNED]])
            case "wrong-life":
                self.epoch = bytes(8)
                self.send(3, turned)
            case "unknown-kind":
                self.send(9, batch)
            case "no-frame":
                self.raw(os.urandom(200))
            case "too-long":
                self.socket.sendall(_HEAD.pack(2**31) + bytes(1000))
            case "twice":
                self.send(3, [*turned, *turned])
            case "taken-twice":
                self.send(2, batch)
                self.send(2, batch)
            case "claims":
                self.send(3, [[batch, 0, None, ["ALREADY_EXISTS", "replayed", ""]]])
            case "nothing":
                self.send(3, [[batch, 0, None, None]])
            case "states":
                self.send(4, {f"source {number}": "x" * 300 for number in range(3)})
            case "policy":
                self.send(1, bytes(32))
            case "ready-twice":
                self.send(1, self.policy)
            case "strange-source":
                self.send(4, {"another source": "ok"})
            case "strange-state":
                self.send(4, {self.source: "ok\n{}"})
            case "empty":
                self.send(3, [])
            case "states-flood":
                while True:
                    self.send(4, {})
            case "knocks":
                _Odd(self.home)
                self.read()
            case "half":
                self.socket.sendall(_HEAD.pack(1000) + bytes(10))
                self.read()
            case "drips":
                self.socket.sendall(_HEAD.pack(1000))
                while True:
                    self.socket.sendall(b"\0")
                    time.sleep(0.01)
            case "silent":
                self.read()
            case "ends":
                os._exit(1)
            case "flood":
                while True:
                    self.send(3, turned)


def main(home: Path, way: str) -> None:
    """Be a worker until the first batch; then be an odd one."""
    it = _Odd(home)
    while True:
        frame = it.read()
        if frame[0] == 1:
            it.epoch, it.source = frame[1], frame[5][0][0]
        elif frame[0] == 4:
            it.policy = frame[1]
            while way == "never-ready":
                it.send(4, {})
                time.sleep(0.6)
            it.send(1, frame[1])
        elif frame[0] == 5:
            it.misbehave(way, frame[2], len(frame[5]))


def look(home: Path, parent: str, out: str, *places: str) -> None:
    """Be a real worker, which writes into a file elsewhere what it can open, see and reach."""
    from gateway.app.working import process
    from gateway.exchange.workers.serving import Serving

    run = Serving.run

    def looking(serving: Serving) -> None:
        told = {place: _opened(Path(place)) for place in places}
        told["signal"] = _signalled(int(parent))
        told["memory"] = _opened(Path(f"/proc/{parent}/mem"))
        aside = Path(f"{out}.new")
        aside.write_text(json.dumps(told), encoding="utf-8")
        aside.replace(out)
        run(serving)

    setattr(Serving, "run", looking)  # noqa: B010 - a worker of ours, that looks first
    process.main([str(home), str(home / "workers-0.sock"), parent])


def _opened(place: Path) -> str:
    try:
        os.close(os.open(place, os.O_RDONLY))
    except OSError as error:
        return str(error.strerror)
    return "open"


def _signalled(process: int) -> str:
    try:
        os.kill(process, 0)
    except OSError as error:
        return str(error.strerror)
    return "reached"


if __name__ == "__main__":
    if sys.argv[2] == "look":
        look(Path(sys.argv[1]), *sys.argv[3:])
    main(Path(sys.argv[1]), sys.argv[2])
