"""Show forms between capitals as documents: pages that print, and plain text."""
