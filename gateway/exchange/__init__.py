"""Run one exchange through ports: `asking`, `answering`, `receipts`, `sources`, `workers`, and batches (`stages`)."""
