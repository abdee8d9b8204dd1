"""Carry out the acts of humans beside a running node, or on a stopped one."""
