"""Ask for watches in other countries and in our own agencies, and watch our records for other countries."""
