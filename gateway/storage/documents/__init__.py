"""Store documents, quotas, and what a witness remembers."""
