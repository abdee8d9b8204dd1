"""Make the pages, one module each: its routes, and the values that its template shows.

A template tells its own sentences (decision 0143). What is chosen by code or by a test of values is told here.
"""
