"""Which documents of trust a node holds, and how it comes to those that others hold (design, section 3)."""
