"""Carry out the second step: a follow-up to a hit or a request, its approval, the owner's decision, the package."""
