"""Check the evidence of what humans decide: their tokens, reasons and passkeys."""
