"""Found and open the homes of nodes, sources and witnesses."""
