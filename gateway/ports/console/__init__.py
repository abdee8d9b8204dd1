"""Sessions of people at the console, and the entries of their coming and going."""
