"""The story of one exchange, told through ports: asking (`ask`), answering (`answer`), batches (`stages`)."""
