"""Write and read an export: the part of a log that an auditor takes away, in files with a fixed layout."""
