"""Tests of `certs.hsm`."""
