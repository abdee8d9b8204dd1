"""The gate: what an officer types or scans, and what comes back while a person stands there."""
