"""Identifiers that people read off documents, containers, ships and plates: normalised, checked, explained.

Every reader takes any text and gives a `Reading`, or `Malformed` when the text is none of its kind at all.
"""
