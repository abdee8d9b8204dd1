"""Find what would stop an exchange, and name the remedy."""
