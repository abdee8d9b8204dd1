"""Raise alerts and spread them, take those of counterparts, and find both at the gate."""
