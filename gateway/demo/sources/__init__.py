"""The invented databases of the demo's agencies, each in a national style of its own."""
