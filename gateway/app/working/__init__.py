"""Put together the workers of a node, on the side of the front and in their own process."""
