"""Do what auditors do at a home or with an export: search, verify, export, read statistics and debts."""
