"""The REST API for a country's own systems, and how its officers and systems are authenticated."""
