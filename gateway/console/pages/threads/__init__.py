"""Make the pages of a thread: its timeline and forms, the decision, the package, and what can be asked."""
