"""Remove a home's own keys, and plan what follows a theft."""
