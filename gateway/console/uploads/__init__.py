"""Take the files that people send from pages."""
