"""Describe changes of trust: removed keys, and what follows a theft."""
