"""Describe once what persons hand in: fields, limits, words and codes, for the API, commands and pages."""
