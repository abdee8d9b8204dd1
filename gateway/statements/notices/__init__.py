"""Write, sign, read and verify notices and their receipts."""
