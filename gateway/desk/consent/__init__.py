"""Consent to the onward use of a record: its recipient asks the owner in a thread, and a human of the owner decides."""
