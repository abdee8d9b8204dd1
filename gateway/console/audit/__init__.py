"""The pages of auditors: the mandate, questions, opened entries with their proof, checks, statistics and exports."""
