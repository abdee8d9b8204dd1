"""Answer a counterpart's request, from the bytes that came in to the draft of the signed answer."""
