"""Ask the owner of a record for consent to its onward use, and decide on what others ask, in a thread."""
