"""Make the pages of tokens "not this person": issue one with the person's consent, print it, withdraw it."""
