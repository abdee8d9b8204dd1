"""Seal copies of alerts for offices that are cut off from their own node, and keep the look-ups made in them."""
