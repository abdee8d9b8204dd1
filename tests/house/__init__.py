"""Measure the house: what a change costs, how folders hang together, names, docstrings, citations and translations."""
