"""Serve the REST API to a country's own systems, and authenticate its officers and systems."""
