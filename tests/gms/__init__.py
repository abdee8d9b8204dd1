"""The region in small: six nodes as processes, seventy offices that face each other, and what officers do there."""
