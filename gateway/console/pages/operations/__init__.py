"""Make the pages of operations: the list, one with its entries and forms, the opening of one, and its pack."""
