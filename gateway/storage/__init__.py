"""Databases, keys and migrations; nothing else in the gateway sees SQL (adapters read foreign databases on their own)."""
