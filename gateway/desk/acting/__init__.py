"""Hold what every act of a person at the desk takes: who acts, what she may read, once, and the second person."""
