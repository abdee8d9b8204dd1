"""Store the keys of content apart from the database, with their copy, pseudonyms and references."""
