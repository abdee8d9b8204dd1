"""The demo: a federation of three countries on one machine, and the invented databases it asks."""
