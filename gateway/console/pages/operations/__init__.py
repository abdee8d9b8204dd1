"""Pages of operations: the list, one operation with its entries and forms, the opening of one, and its pack."""
