"""Turn results into words, tables, pages and charts, for the command line and the console alike."""
