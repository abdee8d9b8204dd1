"""Compare what two members hold of the same exchanges: receipts, day accounts, and the sides of one exchange."""
