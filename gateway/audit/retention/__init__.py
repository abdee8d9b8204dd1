"""Erase content, hold it, and prune old entries; every proof still verifies."""
