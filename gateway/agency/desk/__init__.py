"""Serve the desk over REST: work, threads and their steps, alerts, reports, files, and copies of records."""
