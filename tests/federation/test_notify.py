"""People are told that work waits: over a real mail relay with TLS, and a real webhook; and failures are work."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_string
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from gateway.config import load_settings
from gateway.desk.notify.channels import channels_of
from gateway.model.desk.notices import About, Ask
from tests.federation.test_desk_work import SECRET, post
from tests.support.databases import make_certificates
from tests.support.desk_faces import OFFICES, Caller, desk_world
from tests.support.exchange import VN, entries
from tests.support.simulator import simulated
from tests.support.waiting import MOST_S, until

SECRET_KEY = bytes(range(32))


class Relay(socketserver.StreamRequestHandler):
    """Enough of SMTP for one mail: EHLO, STARTTLS, MAIL, RCPT, DATA, QUIT."""

    def handle(self) -> None:
        """Speak with one client."""
        server: Any = self.server
        self._say("220 relay ready")
        secure = False
        while line := self.rfile.readline().decode().strip():
            word = line.split()[0].upper()
            if word == "EHLO":
                self._say("250 relay" if secure else "250-relay\r\n250 STARTTLS")
            elif word == "STARTTLS":
                self._say("220 go ahead")
                self.connection = server.context.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile, secure = self.connection.makefile("rb"), self.connection.makefile("wb"), True
            elif word == "DATA":
                self._say("354 go on")
                lines = []
                while (said := self.rfile.readline().decode()) != ".\r\n":
                    lines.append(said)
                server.mails.append((secure, "".join(lines)))
                self._say("250 taken")
            elif word == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")
        self.wfile.flush()


class Hook(BaseHTTPRequestHandler):
    """Takes signed words; answers with the status that the server has."""

    def do_POST(self) -> None:
        """Keep a word."""
        server: Any = self.server
        body = self.rfile.read(int(self.headers["content-length"]))
        if server.status == 200:
            server.words.append((dict(self.headers.items()), body))
        self.send_response(server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(server: Any) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join(MOST_S)


def test_nothing_is_sent_until_a_country_switches_it_on(tmp_path: Path) -> None:
    world = desk_world(tmp_path, ("vn",))
    settings = load_settings(world.home("vn"))
    assert channels_of(settings.notify, settings.path, lambda: 0) == []


async def test_flash_work_reaches_its_people_at_once_by_mail_and_webhook(tmp_path: Path) -> None:
    world = desk_world(tmp_path)
    tls = tmp_path / "tls"
    tls.mkdir()
    certificate, private = make_certificates(tls)
    ca = tls / "ca.pem"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    relay: Any = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay)
    relay.context, relay.mails = context, []
    hook: Any = HTTPServer(("127.0.0.1", 0), Hook)
    hook.socket = context.wrap_socket(hook.socket, server_side=True)
    hook.words, hook.status = [], 503
    with serving(relay) as mail_port, serving(hook) as hook_port:
        key = tmp_path / "hook.key"
        key.write_text("whsec_" + base64.b64encode(SECRET_KEY).decode())
        key.chmod(0o600)
        with (world.home("vn") / "node.toml").open("a") as file:
            file.write(
                f'[notify]\nsmtp = "localhost:{mail_port}"\nsmtp_ca = "{ca}"\nsender = "desk@vn.example"\n'
                f'webhook = "https://localhost:{hook_port}/words"\nwebhook_ca = "{ca}"\nwebhook_secret = "{key}"\n'
                'console = "https://desk.vn.example"\n'
            )
        async with simulated(world, is_open=True) as world:
            await world.nodes["th"].desk.parts.author.open(
                VN, post(Ask(About.QUESTION, SECRET, topic="vehicle"), to_office=OFFICES["vn"])
            )

            async def mailed() -> bool:
                return bool(relay.mails)

            await until(mailed, "a mail")
            secure, text = relay.mails[0]
            assert secure
            assert "FLASH" in str(make_header(decode_header(message_from_string(text)["Subject"])))
            assert "https://desk.vn.example" in text
            assert SECRET not in text

            admin = Caller(world, "vn.adm.1", "administrator")

            async def failing() -> list[Any]:
                return [each for each in (await admin.call("GET", "work"))["work"] if "webhook" in each["id"]]

            (work,) = await until(failing, "the failing webhook is work")
            assert (work["kind"], work["role"]) == ("read", "administrator")
            hook.status = 200

            async def told() -> bool:
                return bool(hook.words)

            await until(told, "the webhook gets the word when it works again")
            headers, body = hook.words[0]
            names = {name.lower(): value for name, value in headers.items()}
            signed = f"{names['webhook-id']}.{names['webhook-timestamp']}.".encode() + body
            right = base64.b64encode(hmac.new(SECRET_KEY, signed, hashlib.sha256).digest()).decode()
            assert names["webhook-signature"] == f"v1,{right}"
            assert set(json.loads(body)) == {"person", "channel", "urgency", "count", "due", "text"}

            async def ended() -> bool:
                return not await failing()

            await until(ended, "the work ends")
            codes = [each.private.get("code") for each in entries(world.nodes["vn"], "operations")]
            assert codes.count("notify-failed") == codes.count("notify-works") == 1
            to = [text.split("To: ")[1].splitlines()[0] for _, text in relay.mails]
            assert len(to) == len(set(to))
