"""Read a mapping file and turn an agency's rows into records as it says."""
