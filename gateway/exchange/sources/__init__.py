"""Ask sources within limits: a bulkhead, a deadline and a rate for each."""
