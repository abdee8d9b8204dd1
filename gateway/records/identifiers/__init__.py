"""Read identifiers of documents, containers, ships and plates: normalised, checked, explained.

Every reader takes any text and gives a `Reading`, or raises `Malformed` when the text is not of its kind.
"""
