"""Serve oversight over REST: incidents, reviews and findings, frozen accounts, tokens against misused identity."""
