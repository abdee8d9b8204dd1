"""Back up a home into one sealed file, and restore it."""
