"""HTTPS as the REST API and the console serve it: the listener, its connections, and who calls by certificate."""
