"""Run one exchange through ports: `asking`, `answering`, `receipts`, `sources`, and batches (`stages`)."""
