"""Keep a running node as it should be: settings that change, rounds of its keys and people, and its telemetry."""
