"""What comes from others: the locked packages, their known vulnerabilities, and the list of parts of the product."""
