"""Sessions of people at the console, in SQL."""
