"""The subjects of the desk at a node, each put together from its parts."""
