"""Serve gRPC: the one table of methods, and the parts that the servers of a node, a witness and a source share.

Modules that load grpc import `certs.tls` first, which sets the lowest version of TLS. The table itself does not load
grpc, so that a caller can name a method without it.
"""
