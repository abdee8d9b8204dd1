"""The REST API of the desk: work, threads, alerts and copies of records."""
