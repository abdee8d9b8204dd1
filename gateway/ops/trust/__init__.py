"""Draft, sign, accept, carry and show the documents of trust that a home has, and find one that it lost."""
