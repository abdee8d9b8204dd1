"""The calls of oversight: incidents, reviews and findings, and tokens of people whose identity is misused."""
