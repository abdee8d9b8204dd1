"""Frozen types without input or output: the words of the design as Python types."""
