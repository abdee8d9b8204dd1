"""Connections to databases: how each kind is opened, and what watches over a statement that runs."""
