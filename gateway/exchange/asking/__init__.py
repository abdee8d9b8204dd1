"""Ask counterparts for an officer, check what they answer, and keep the search."""
