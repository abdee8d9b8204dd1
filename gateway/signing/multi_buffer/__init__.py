"""Sign and verify eight ECDSA P-256 operations at once where the processor can."""
