"""Charter, descriptor and status: who the members are, what they say of themselves, and who a peer is."""
