"""The two audit logs of a node: their entries, how these become durable and signed, and how an auditor checks them."""
