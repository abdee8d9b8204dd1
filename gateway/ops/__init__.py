"""Do what an administrator, approver, officer or auditor does at a home, without a command line."""
