"""Define the kinds of entries of the logs: who writes them, what each carries and how long its content is kept."""
