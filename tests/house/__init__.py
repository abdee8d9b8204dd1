"""Measure the house: folders, names, docstrings, citations and translations (`python -m tests.house`)."""
