"""Serve gRPC: the one table of methods, and what the servers of a node, a witness and a source share.

Modules that load grpc import `certs.tls` first: it sets the floor of TLS. The table itself does without grpc, so that
a caller that only names a method does not load it.
"""
