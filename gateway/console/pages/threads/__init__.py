"""The pages of matters: a thread with its timeline and forms, the decision, the package, and what can be asked."""
