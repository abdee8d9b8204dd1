"""The REST API of the desk: work, threads and their steps, alerts, reports, files, and copies of records."""
