"""The checks that use the network: our node runs and is ready, and a counterpart answers."""

from __future__ import annotations

import errno
import http.client
import json
import socket
import ssl
from typing import Any

import grpc

from certs.hsm.openssl import load_chain
from certs.names import tls_name
from certs.tls import TlsIdentity, channel_credentials
from gateway.config import COMMAND_CERTIFICATE, argument, host_port
from gateway.errors import LiaisonError
from gateway.ops.finding import Check, CheckContext, Finding, failed, good, stop, warn
from gateway.ops.keys.online import exchange_certificate
from gateway.rpc import methods
from gateway.rpc.transport import client_options
from gateway.telemetry.metrics import check_metrics

_TIMEOUT_S = 5.0
_LARGEST = 64 * 1024
_HANGS = "it hangs"
_END_IT = "look at the node's log; end the process that listens there, then start the node again"
_CHOOSE = "choose an address of this machine and a free port"
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_EMPTY_SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"


def check_addresses(context: CheckContext) -> list[Finding]:
    """Check that our addresses are ours or free: a process may take calls there and never answer."""
    listen = context.settings.listen
    named = {"exchange": listen.exchange, "agency": listen.agency}
    findings = [_address(context, name, text) for name, text in named.items()]
    if listen.metrics:
        check_metrics(host_port(listen.metrics)[0])
        findings += [] if context.runs or context.settings.is_shared else _free(context, "metrics", listen.metrics)
    return findings


def _address(context: CheckContext, name: str, text: str) -> Finding:
    if not context.runs:
        taken = _free(context, name, text)
        remedy = f"liaison serve --home {argument(context.home.path)}"
        idle = f"nothing answers at listen.{name} ({text}): the node is not running"
        return taken[0] if taken else warn("addresses", idle, remedy)
    if problem := _problem(*host_port(text)):
        return _unusable(name, text, f"what listens there {problem}", _END_IT)
    return good("addresses", f"something answers at listen.{name} ({text})")


def _free(context: CheckContext, name: str, text: str) -> list[Finding]:
    """Return a finding unless a server can listen at an address. Processes with a shared database share it."""
    host, port = host_port(text)
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if context.settings.is_shared:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            probe.bind(place)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return [_unusable(name, text, "it is no address of this machine, or this account may not use it")]
        problem = _problem(host, port)
        if problem.endswith(_HANGS):
            return [_unusable(name, text, f"what listens there {problem}", _END_IT)]
        return [_unusable(name, text, f"another process listens there{f', and {problem}' if problem else ''}")]
    return []


def _unusable(name: str, text: str, why: str, remedy: str = _CHOOSE) -> Finding:
    return stop("addresses", f"`{text}` cannot be used: {why}", remedy, f"listen.{name}", "address-in-use")


def _problem(host: str, port: int) -> str:
    """Return an empty text when a server at an address speaks TLS, else what it does."""
    try:
        with socket.create_connection((host, port), 1.0) as raw:
            raw.settimeout(_TIMEOUT_S)
            return _says_hello(raw)
    except OSError:
        return "takes no calls"


def _says_hello(raw: socket.socket) -> str:
    """Return an empty text when the other side speaks TLS, else what it does."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    tls.set_alpn_protocols(["h2", "http/1.1"])
    try:
        tls.wrap_socket(raw).close()
    except TimeoutError:
        return f"takes calls and says nothing for {_TIMEOUT_S:g} s: {_HANGS}"
    except OSError:
        return "does not speak TLS: it is another program"
    return ""


def check_ready(context: CheckContext) -> list[Finding]:
    """Check what the running node says of its own health; `addresses` says when it cannot be asked."""
    try:
        found = _health(context)
    except (OSError, ValueError, http.client.HTTPException):
        return []
    problems = found.get("problems", [])
    failing = [_failing(name, state) for name, state in found.get("sources", {}).items() if state != "ok"]
    if not problems:
        return [good("ready", "the running node says that it is ready"), *failing]
    return failing + [
        stop("ready", f"the running node is not ready: {each['problem']} ({each['code']})",
             each["remedy"] or "look at the node's log", each["where"])
        for each in problems
    ]  # fmt: skip


def _failing(name: str, state: str) -> Finding:
    remedy = (
        "liaison source status; of a source process: `liaison source check` and `liaison source log` at its home, and "
    )
    remedy += "after a new statement key the node's keys/statement.pem in its accepted/"
    return warn("ready", f"the last question of the running node to `{name}` failed: {state}", remedy)


def _health(context: CheckContext) -> dict[str, Any]:
    host, port = host_port(context.settings.listen.agency)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.load_verify_locations(context.home.ca)
    tls.load_cert_chain(context.home.certificate(COMMAND_CERTIFICATE), context.home.key(COMMAND_CERTIFICATE))
    node = context.settings.node
    with (
        socket.create_connection((host, port), _TIMEOUT_S) as raw,
        tls.wrap_socket(raw, server_hostname=tls_name(node.member, node.name)) as line,
    ):
        connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S)
        connection.sock = line
        connection.request("GET", "/v1/health")
        found: dict[str, Any] = json.loads(connection.getresponse().read(_LARGEST))
    return found


def check_counterpart(context: CheckContext) -> list[Finding]:
    """Check that the counterpart of `--to` answers over TLS 1.3 at one endpoint, and takes our certificate."""
    if not context.to:
        return []
    view = context.trust
    if context.to not in view.members:
        known = ", ".join(sorted(set(view.members) - {context.settings.node.member})) or "none yet"
        return [stop("counterpart", f"`{context.to}` is no member of the federation", f"counterparts are: {known}")]
    try:
        view.freshness(context.to, context.clock.now_us())
        name = view.server_name(context.to)
        tls = _tls(context, view.ca_pem(context.to))
        endpoints = view.endpoints(context.to)
    except LiaisonError as error:
        return [failed("counterpart", error, f"get the newest documents of `{context.to}`")]
    problems = {endpoint: _greet(endpoint, name, tls) for endpoint in endpoints}
    for endpoint in (each for each, problem in problems.items() if not problem):
        if refusal := _refusal(context, endpoint, name, view.ca_pem(context.to)):
            home = argument(context.home.path)
            remedy = f"our running node takes the documents that say why: liaison trust show --home {home}"
            return [stop("counterpart", f"`{context.to}` does not accept our node: {refusal}", remedy)]
        return [good("counterpart", f"`{context.to}` answers, and takes our certificate")]
    text = "; ".join(f"{endpoint}: {problem}" for endpoint, problem in problems.items()) or "it names no endpoint"
    remedy = "check the line and its firewall; then call the counterpart's duty officer"
    return [stop("counterpart", f"`{context.to}` does not answer ({text})", remedy)]


CHECKS: dict[str, Check] = {"ready": check_ready, "counterpart": check_counterpart}
"""All checks of running nodes: ours, and a counterpart."""


def _tls(context: CheckContext, roots: bytes) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.minimum_version = ssl.TLSVersion.TLSv1_3
    tls.set_alpn_protocols(["h2"])
    tls.load_verify_locations(cadata=roots.decode("ascii"))
    load_chain(tls, context.home.certificate("tls"), context.home.key("tls"))
    return tls


def _refusal(context: CheckContext, endpoint: str, name: str, roots: bytes) -> str:
    """Return the code with which the node at an endpoint refuses our certificate; empty where it does not.

    The handshake lets every member in; its calls are refused one by one (decision 0068).
    """
    identity = TlsIdentity.load(context.home.key("tls"), exchange_certificate(context.home))
    options = client_options(name, methods.HEALTH_CHECK.max_answer_bytes)
    with grpc.secure_channel(endpoint, channel_credentials(identity, roots), options=options) as channel:
        call: Any = channel.unary_unary(methods.HEALTH_CHECK.path)
        try:
            call(b"", timeout=_TIMEOUT_S)
        except grpc.RpcError as error:
            return (error.details() or "no reason") if error.code() is grpc.StatusCode.UNAUTHENTICATED else ""
    return ""


def _greet(endpoint: str, name: str, tls: ssl.SSLContext) -> str:
    """Return an empty text when the endpoint answers our HTTP/2 preface, else what went wrong.

    In TLS 1.3 a refused client certificate shows only when something is read, so this waits for the answer.
    """
    host, port = host_port(endpoint)
    try:
        with (
            socket.create_connection((host, port), _TIMEOUT_S) as raw,
            tls.wrap_socket(raw, server_hostname=name) as line,
        ):
            line.sendall(_PREFACE + _EMPTY_SETTINGS)
            return "" if line.recv(9) else "it closed the connection"
    except ssl.SSLError as error:
        return f"TLS: {error.reason or type(error).__name__}"
    except OSError as error:
        return error.strerror or type(error).__name__
