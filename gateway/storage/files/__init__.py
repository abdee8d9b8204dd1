"""Keep the sealed files of notices, in a folder beside the database."""
