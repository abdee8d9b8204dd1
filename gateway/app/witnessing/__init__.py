"""Witnesses put together from their parts: the one at a node, and a country's domestic one."""
