"""The pages of oversight: reviews, findings, and incidents of ours and of counterparts."""
