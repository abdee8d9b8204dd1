"""Names in six scripts, partial dates and identifiers: normal forms, index keys, scores and explanations.

Pure functions over tables in `data/`; no other input or output, no protobuf, no SQL (domain, section 6.1).
"""
