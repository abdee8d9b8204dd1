"""Look after the sources of a home: their places, their key indexes, and how fresh they are."""
