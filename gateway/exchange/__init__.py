"""Run one exchange through ports: asking (`asking`), answering (`answering`), receipts, sources, batches (`stages`)."""
