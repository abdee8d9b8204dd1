"""A read-only TAXII 2.1 server for reports, in STIX 2.1."""
