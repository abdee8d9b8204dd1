"""Let a person in to a page, hand it the parts of the console, and show the answer."""
