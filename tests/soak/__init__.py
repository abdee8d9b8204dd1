"""Hours of mixed traffic with hostile members against real nodes: what grows, what waits, what is answered wrongly."""
