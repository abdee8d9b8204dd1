"""Make the pages of watches: the list with the form of a new one, and one of ours."""
