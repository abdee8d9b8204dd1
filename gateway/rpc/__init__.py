"""Serve gRPC: what the servers of a node, a witness and a source share."""
