"""Read what people type: moments of time, passphrases."""
