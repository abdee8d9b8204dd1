"""Tell a search in words and as JSON, as the command, the REST API and the console show it."""
