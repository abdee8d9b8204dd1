"""Lists about officer tokens that the country's identity provider signs."""
