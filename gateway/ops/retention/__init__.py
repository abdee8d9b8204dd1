"""Plan what is erased, held and pruned at a home, and bring the documents of it."""
