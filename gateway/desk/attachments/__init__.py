"""Files of notices: brought by officers, given to counterparts, fetched, scanned, and opened."""
