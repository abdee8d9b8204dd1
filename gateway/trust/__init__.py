"""Charter, descriptor and status: the members, each member's own description, and the identity of a peer."""
