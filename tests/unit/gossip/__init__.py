"""Tests of `gateway.gossip`."""
