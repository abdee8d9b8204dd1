"""Measure the whole exchange at the answering node beside a bare gRPC echo, interleaved (`make bench`)."""
