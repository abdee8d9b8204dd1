"""Make the pages of oversight: reviews, findings, frozen accounts, and incidents of ours and of counterparts."""
