"""The web pages of a node: for officers at a gate, desks, auditors and administrators."""
