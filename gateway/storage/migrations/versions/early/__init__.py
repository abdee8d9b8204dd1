"""The migrations of before version 0.2.0."""
