"""The two audit logs of a node: what an entry is, how it becomes durable and signed, and how anybody checks it."""
