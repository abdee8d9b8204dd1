"""Tell of the members of the federation as officers and administrators see them."""
