"""Build, keep and search the key index of one source: normal forms to source keys, no content."""
