"""Put the console of a node together."""
