"""Check officer tokens by the issuers of the home and the lists that the country's identity provider signs."""
