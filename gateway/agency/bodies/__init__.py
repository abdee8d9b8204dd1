"""Bodies of answers that have a module of their own."""
