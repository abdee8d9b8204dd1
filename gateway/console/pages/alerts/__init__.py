"""Make the pages of alerts: the board with its map, an alert of a counterpart, one of ours, and raising one."""
