"""Append to one log: batches, heads, replay claims, recovery, the high-water file, and the next log number."""
