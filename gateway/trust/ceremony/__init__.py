"""Draft, sign and hand out trust documents: the offline ceremony and its cards."""
