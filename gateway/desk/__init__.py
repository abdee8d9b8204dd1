"""Hold what waits for a human: requests for consent, and onward use of records from abroad."""
