"""Turn text of one script into Latin forms, by rules and tables for each script."""
