"""Show, renew and rotate the keys and certificates of a home, in steps."""
