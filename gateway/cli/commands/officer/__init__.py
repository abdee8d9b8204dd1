"""Define the commands of an officer: asking, onward use, and consent."""
