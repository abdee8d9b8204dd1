"""The calls of oversight: incidents, reviews and findings, frozen accounts, and tokens against misused identity."""
