"""Typed settings; an unknown key is an error with its path, and each setting knows where it came from."""

from gateway.config.home import COMMAND_CERTIFICATE, TOKEN_ISSUER, Home, argument
from gateway.config.load import host_port, load_settings
from gateway.config.schema import PACKAGED_POLICY, Settings, SourceSettings, TokenKey, TrialOfficer
from gateway.config.suspensions import Suspensions
from gateway.config.template import write_default

__all__ = [
    "COMMAND_CERTIFICATE",
    "PACKAGED_POLICY",
    "TOKEN_ISSUER",
    "Home",
    "Settings",
    "SourceSettings",
    "Suspensions",
    "TokenKey",
    "TrialOfficer",
    "argument",
    "host_port",
    "load_settings",
    "write_default",
]
