"""Serve an auditor at a browser: the mandate, the act that the auditor signs, and what its entry then allows."""
