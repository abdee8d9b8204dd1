"""Show the desk in words: work with its clock, threads, alerts, copies."""
