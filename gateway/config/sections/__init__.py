"""Tables of settings that belong to one face of the node: console, desk, telemetry."""
