"""Hold requests that wait for a human: consent, and onward use of records from abroad."""
