"""Approve, fetch, accept and review national policy."""
