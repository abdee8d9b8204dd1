"""Read entries again under a mandate: evidence, statements, decisions and private parts."""
