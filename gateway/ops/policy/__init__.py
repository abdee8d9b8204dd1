"""Approve, fetch, accept and watch over national policy."""
