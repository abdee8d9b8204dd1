"""Make the pages of administration: how the node is kept, and never what it holds."""
