"""Officer tokens: their check, the issuers of the home, and the lists that the country's identity provider signs."""
