"""The one form of numbers that people write in several ways: registration cards of Myanmar, and plates."""
