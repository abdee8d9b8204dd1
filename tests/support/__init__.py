"""Share code between tests."""
