"""Carry out what people order beside a running node, or on a stopped one."""
