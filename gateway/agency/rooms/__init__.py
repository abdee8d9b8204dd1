"""Serve `/v1/operations`: operations of several members."""
