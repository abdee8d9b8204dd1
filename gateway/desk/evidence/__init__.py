"""Evidence of what humans decide: their tokens, reasons and passkeys."""
