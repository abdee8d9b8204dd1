"""Sign and verify batches, eight ECDSA P-256 operations at once where the processor can."""
