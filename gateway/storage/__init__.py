"""Databases, keys and migrations; nothing else sees SQL (adapters read foreign databases on their own)."""
