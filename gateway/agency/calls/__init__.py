"""Read calls of the REST API: who calls, what they send, and how an answer is shown."""
