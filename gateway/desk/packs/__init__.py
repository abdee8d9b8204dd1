"""Sealed copies of alerts for offices that are cut off from their own node, and the look-ups that come back."""
